import { signal } from "@preact/signals";
import { ApiError } from "../lib/api";
import { t } from "../lib/i18n";
import { Icon } from "./icons";

interface Toast {
  id: number;
  text: string;
  isError: boolean;
  requestId: string | null;
  undo: (() => void) | null;
}

const TOAST_MS = 6000;
const ERROR_TOAST_MS = 12_000;

const toasts = signal<Toast[]>([]);
let lastId = 0;

function addToast(toast: Omit<Toast, "id">, ms: number): number {
  const id = ++lastId;
  toasts.value = [...toasts.value.slice(-2), { ...toast, id }];
  setTimeout(() => dismissToast(id), ms);
  return id;
}

export function dismissToast(id: number): void {
  toasts.value = toasts.value.filter((each) => each.id !== id);
}

/** Show that something was done, and offer undo. Returns the toast's id. */
export function showToast(text: string, undo: (() => void) | null = null, ms = TOAST_MS): number {
  return addToast({ text, undo, isError: false, requestId: null }, ms);
}

/** Show an error with its request id. */
export function showError(error: unknown): void {
  const failure = error instanceof ApiError ? error : null;
  addToast(
    {
      text: failure?.message ?? t("error.unexpected"),
      isError: true,
      requestId: failure?.requestId ?? null,
      undo: null,
    },
    ERROR_TOAST_MS,
  );
  if (!failure) console.error(error);
}

/** Undo the latest action that offers it. */
export function undoLast(): void {
  const latest = toasts.value.findLast((each) => each.undo);
  if (!latest) return;
  dismissToast(latest.id);
  latest.undo?.();
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((each) => (
        <div class={`toast ${each.isError ? "toast-error" : ""}`} key={each.id}>
          <p>
            {each.text}
            {each.requestId && <small class="toast-id">{t("error.requestId", { id: each.requestId })}</small>}
          </p>
          {each.undo && (
            <button
              type="button"
              class="toast-undo"
              onClick={() => {
                dismissToast(each.id);
                each.undo?.();
              }}
            >
              {t("undo")}
            </button>
          )}
          <button type="button" class="toast-close" aria-label={t("dismiss")} onClick={() => dismissToast(each.id)}>
            <Icon name="close" size={16} />
          </button>
        </div>
      ))}
    </div>
  );
}
