import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { ApiError } from "../lib/api";
import { t } from "../lib/i18n";
import { Dialog } from "./parts";

interface Props {
  title: string;
  action: string;
  /** What is done can't be undone. */
  final?: boolean;
  /** Whether all is there that is to be chosen from. */
  ready?: boolean;
  onClose: () => void;
  /** What is sent; what it fails with is told in the form. */
  onSend: (given: (name: string) => string, form: FormData) => Promise<void>;
  children: ComponentChildren;
}

/** A dialog with a form in it. */
export function FormDialog({ title, action, final = false, ready = true, onClose, onSend, children }: Props) {
  const wrong = useSignal<{ text: string; id: string | null } | null>(null);
  const busy = useSignal(false);
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        class="form"
        onSubmit={async (event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          busy.value = true;
          try {
            await onSend((name) => String(form.get(name) ?? "").trim(), form);
          } catch (error) {
            const failure = error instanceof ApiError ? error : null;
            wrong.value = { text: failure?.message ?? t("error.unexpected"), id: failure?.requestId ?? null };
          }
          busy.value = false;
        }}
      >
        {children}
        {wrong.value && (
          <p class="bad" role="alert">
            {wrong.value.text} {wrong.value.id && <small>{t("error.requestId", { id: wrong.value.id })}</small>}
          </p>
        )}
        <div class="row row-end">
          <button type="button" class="button" onClick={onClose}>
            {t("cancel")}
          </button>
          <button type="submit" class={`button ${final ? "button-final" : "button-primary"}`} disabled={busy.value || !ready}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** A button for what can't be undone: the first press asks, the second does it. */
export function ConfirmButton({ label, sure, onSure }: { label: string; sure: string; onSure: () => unknown }) {
  const asked = useSignal(false);
  return (
    <button
      type="button"
      class="button button-bad"
      onBlur={() => (asked.value = false)}
      onClick={() => {
        if (asked.value) void onSure();
        asked.value = !asked.value;
      }}
    >
      {asked.value ? sure : label}
    </button>
  );
}
