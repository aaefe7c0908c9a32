import { signal } from "@preact/signals";
import { ApiError } from "../lib/api";
import { t } from "../lib/i18n";
import { Icon } from "./icons";

interface Toast {
  id: number;
  text: string;
  isError: boolean;
  requestId: string | null;
  canUndo: boolean;
  /** The address that the toast opens. */
  to?: string | null;
  /** An alert stays until it is opened or closed. This is called then. */
  onClose?: () => void;
}

const TOAST_MS = 6000;
const UNDO_TOAST_MS = 10_000;
const ERROR_TOAST_MS = 12_000;

const toasts = signal<Toast[]>([]);
let lastId = 0;

/** The actions that can be undone, latest last. They outlive their toasts. */
let actions: Array<{ id: number; undo: () => void }> = [];
const MAX_ACTIONS = 100;

function addToast(toast: Omit<Toast, "id">, ms: number, id = ++lastId): number {
  const alerts = toasts.value.filter((each) => each.onClose);
  const others = toasts.value.filter((each) => !each.onClose);
  toasts.value = [...alerts, ...others.slice(-2), { ...toast, id }];
  setTimeout(() => hide(id), ms);
  return id;
}

function hide(id: number): void {
  toasts.value = toasts.value.filter((each) => each.id !== id);
}

/** Take a toast away, and with it what it offers to undo. */
export function dismissToast(id: number): void {
  hide(id);
  actions = actions.filter((each) => each.id !== id);
}

/** Show that something was done or arrived, and offer to undo or open it. Returns the toast's id. */
export function showToast(text: string, undo: (() => void) | null = null, ms = undo ? UNDO_TOAST_MS : TOAST_MS, to: string | null = null): number {
  const id = undo ? addAction(undo) : ++lastId;
  return addToast({ text, canUndo: Boolean(undo), to, isError: false, requestId: null }, ms, id);
}

/** Show what must not be missed: it is announced at once and stays until it is opened, closed or taken away. */
export function showAlert(text: string, to: string, onClose: () => void): number {
  const id = ++lastId;
  toasts.value = [...toasts.value, { id, text, isError: false, requestId: null, canUndo: false, to, onClose }];
  return id;
}

function close(toast: Toast): void {
  hide(toast.id);
  toast.onClose?.();
}

function addAction(undo: () => void): number {
  const id = ++lastId;
  actions = [...actions.slice(1 - MAX_ACTIONS), { id, undo }];
  return id;
}

/**
 * Make an action that has begun undoable at once. `done` says so when the server has made it, `failed` takes the offer
 * back.
 */
export function beginAction(undo: () => void): { done: (text: string) => void; failed: () => void } {
  const id = addAction(undo);
  return {
    done: (text) => {
      if (!actions.some((each) => each.id === id)) return;
      addToast({ text, canUndo: true, isError: false, requestId: null }, UNDO_TOAST_MS, id);
    },
    failed: () => dismissToast(id),
  };
}

/** Show an error with its request id, after a sentence that says what was not done. */
export function showError(error: unknown, what = ""): void {
  const failure = error instanceof ApiError ? error : null;
  addToast(
    {
      text: `${what} ${failure?.message ?? t("error.unexpected")}`.trim(),
      isError: true,
      requestId: failure?.requestId ?? null,
      canUndo: false,
    },
    ERROR_TOAST_MS,
  );
  if (!failure) console.error(error);
}

/** Undo the latest action that has not been undone. */
export function undoLast(): void {
  const latest = actions.at(-1);
  if (latest) undoAction(latest.id);
}

function undoAction(id: number): void {
  const action = actions.find((each) => each.id === id);
  dismissToast(id);
  action?.undo();
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((each) => (
        <div
          class={`toast ${each.isError ? "toast-error" : ""} ${each.onClose ? "toast-alert" : ""}`}
          role={each.onClose && "alert"}
          key={each.id}
        >
          <p>
            {each.text}
            {each.requestId && <small class="toast-id">{t("error.requestId", { id: each.requestId })}</small>}
          </p>
          {each.canUndo && (
            <button type="button" class="toast-undo" onClick={() => undoAction(each.id)}>
              {t("undo")}
            </button>
          )}
          {each.to && (
            <a class="toast-undo" href={each.to} onClick={() => close(each)}>
              {t("open")}
            </a>
          )}
          <button type="button" class="toast-close" aria-label={t("dismiss")} onClick={() => close(each)}>
            <Icon name="close" size={16} />
          </button>
        </div>
      ))}
    </div>
  );
}
