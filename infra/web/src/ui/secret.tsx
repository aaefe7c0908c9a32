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

/** A program with a copy button, and `children` beside it. Without a clipboard the text is selected instead. */
export function CopyCode({ label, text, children }: { label: string; text: string; children?: ComponentChildren }) {
  const code = useRef<HTMLPreElement>(null);
  const copied = useSignal("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      copied.value = text;
    } catch {
      getSelection()?.selectAllChildren(code.current!);
    }
  };
  const isCopied = copied.value === text;
  const copyLabel = t(isCopied ? "copied" : "copy");
  return (
    <div class="copy-code">
      <pre ref={code} tabIndex={0} role="region" aria-label={label}>
        {text}
      </pre>
      <div class="row">
        <button type="button" class="button" aria-label={`${copyLabel}: ${label}`} onClick={() => void copy()}>
          {isCopied && <Icon name="check" size={16} />} {copyLabel}
        </button>
        {children}
      </div>
      <span class="hidden" role="status">
        {isCopied && copyLabel}
      </span>
    </div>
  );
}
