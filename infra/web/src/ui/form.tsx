import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { ApiError } from "../lib/api";
import { t } from "../lib/i18n";
import { useDraft } from "./draft";
import { Missing } from "./loaded";
import { Dialog } from "./parts";

interface Props {
  title: string;
  action: string;
  /** Whether the action can't be undone. */
  destructive?: boolean;
  wide?: boolean;
  /** The name under which typed text is kept until it is sent: of the form and, if it edits an item, of the item. */
  draft?: string;
  onClose: () => void;
  /** Send the form. An error is shown in the form. False says that it was not sent, and that the user was told why. */
  onSend: (field: (name: string) => string, form: FormData) => Promise<boolean | void>;
  children: ComponentChildren;
}

/** A dialog that contains a form. It is not sent before all that it shows has been loaded. */
export function FormDialog(props: Props) {
  const { title, action, destructive = false, wide = false, onClose, onSend, children } = props;
  const missing = useSignal(0);
  const isReady = missing.value === 0;
  const draft = useDraft(props.draft ?? null, isReady);
  const failure = useSignal<{ text: string; id: string | null } | null>(null);
  const busy = useSignal(false);
  return (
    <Dialog title={title} onClose={onClose} wide={wide}>
      <form
        ref={draft.form}
        class="form"
        onSubmit={async (event) => {
          event.preventDefault();
          if (!isReady || busy.value) return;
          const form = new FormData(event.currentTarget);
          busy.value = true;
          try {
            const sent = await onSend((name) => String(form.get(name) ?? "").trim(), form);
            if (sent !== false) draft.forget();
          } catch (error) {
            const apiError = error instanceof ApiError ? error : null;
            failure.value = { text: apiError?.message ?? t("error.unexpected"), id: apiError?.requestId ?? null };
          }
          busy.value = false;
        }}
      >
        {draft.isRestored.value && (
          <p class="note">
            <span class="grow">{t("draft.restored")}</span>
            <button type="button" class="button button-small" onClick={draft.discard}>
              {t("profile.discard")}
            </button>
          </p>
        )}
        <Missing.Provider value={missing}>{children}</Missing.Provider>
        {failure.value && (
          <p class="error" role="alert">
            {failure.value.text} {failure.value.id && <small>{t("error.requestId", { id: failure.value.id })}</small>}
          </p>
        )}
        <div class="row row-end">
          <button
            type="button"
            class="button"
            onClick={() => {
              draft.forget();
              onClose();
            }}
          >
            {t("cancel")}
          </button>
          <button
            type="submit"
            class={`button ${destructive ? "button-destructive" : "button-primary"}`}
            disabled={busy.value || !isReady}
          >
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface AskProps {
  title: string;
  /** What the action ends, in full sentences. */
  text: string;
  action: string;
  destructive?: boolean;
  onClose: () => void;
  onConfirm: () => Promise<void>;
}

/** A dialog that asks before an action, and says what it ends. */
export function AskDialog({ title, text, action, destructive = false, onClose, onConfirm }: AskProps) {
  return (
    <FormDialog title={title} action={action} destructive={destructive} onClose={onClose} onSend={onConfirm}>
      <p>{text}</p>
    </FormDialog>
  );
}

/** A button for an action that can't be undone: the first press asks, the second one acts. */
export function ConfirmButton({
  label,
  confirmLabel,
  onConfirm,
}: {
  label: string;
  confirmLabel: string;
  onConfirm: () => unknown;
}) {
  const confirming = useSignal(false);
  return (
    <button
      type="button"
      class="button button-danger"
      onBlur={() => (confirming.value = false)}
      onClick={() => {
        if (confirming.value) void onConfirm();
        confirming.value = !confirming.value;
      }}
    >
      {confirming.value ? confirmLabel : label}
    </button>
  );
}
