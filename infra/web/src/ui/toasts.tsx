import { signal } from "@preact/signals";
import { ApiError } from "../lib/api";
import { t } from "../lib/i18n";
import { Icon } from "./icons";

interface Toast {
  id: number;
  text: string;
  bad: boolean;
  requestId: string | null;
  undo: (() => void) | null;
}

const SHOWN_FOR = 6000;
const BAD_SHOWN_FOR = 12_000;

const toasts = signal<Toast[]>([]);
let last = 0;

function show(toast: Omit<Toast, "id">): void {
  const id = ++last;
  toasts.value = [...toasts.value.slice(-2), { ...toast, id }];
  setTimeout(() => dismiss(id), toast.bad ? BAD_SHOWN_FOR : SHOWN_FOR);
}

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((each) => each.id !== id);
}

/** Say that something was done, and offer to take it back. */
export function showToast(text: string, undo: (() => void) | null = null): void {
  show({ text, undo, bad: false, requestId: null });
}

/** Say what went wrong, with the id an operator finds it by. */
export function showError(error: unknown): void {
  const failure = error instanceof ApiError ? error : null;
  show({ text: failure?.message ?? t("error.unexpected"), bad: true, requestId: failure?.requestId ?? null, undo: null });
  if (!failure) console.error(error);
}

/** Take back the latest thing that can be: what the key z does. */
export function undoLast(): void {
  const found = toasts.value.findLast((each) => each.undo);
  if (!found) return;
  dismiss(found.id);
  found.undo?.();
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((each) => (
        <div class={`toast ${each.bad ? "toast-bad" : ""}`} key={each.id}>
          <p>
            {each.text}
            {each.requestId && <small class="toast-id">{t("error.requestId", { id: each.requestId })}</small>}
          </p>
          {each.undo && (
            <button
              type="button"
              class="toast-undo"
              onClick={() => {
                dismiss(each.id);
                each.undo?.();
              }}
            >
              {t("undo")}
            </button>
          )}
          <button type="button" class="toast-close" aria-label={t("dismiss")} onClick={() => dismiss(each.id)}>
            <Icon name="close" size={16} />
          </button>
        </div>
      ))}
    </div>
  );
}
