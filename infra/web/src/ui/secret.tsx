import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";
import { t } from "../lib/i18n";
import { Icon } from "./icons";
import { Dialog } from "./parts";

interface Props {
  title: string;
  note: string;
  label: string;
  secret: string;
  onClose: () => void;
  children?: ComponentChildren;
}

/** Show a secret that can't be shown again. */
export function SecretDialog({ title, note, label, secret, onClose, children }: Props) {
  return (
    <Dialog title={title} onClose={onClose} wide unrepeatable>
      <p>{note}</p>
      <CopyField label={label} text={secret} />
      {children}
      <div class="row row-end">
        <button type="button" class="button button-primary" onClick={onClose}>
          {t("admin.secretSaved")}
        </button>
      </div>
    </Dialog>
  );
}

/** A read-only field with a copy button. If the clipboard is not available, the text is selected instead. */
export function CopyField({ label, text }: { label: string; text: string }) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const copied = useSignal(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      copied.value = true;
    } catch {
      field.current?.select();
    }
  };
  const copyLabel = t(copied.value ? "copied" : "copy");
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {label}
      </label>
      <div class="row">
        <input
          id={id}
          class="mono grow"
          readOnly
          ref={field}
          value={text}
          onFocus={(event) => event.currentTarget.select()}
        />
        <button type="button" class="button" aria-label={`${copyLabel}: ${label}`} onClick={() => void copy()}>
          {copied.value && <Icon name="check" size={16} />} {copyLabel}
        </button>
      </div>
      <span class="hidden" role="status">
        {copied.value && copyLabel}
      </span>
    </div>
  );
}
