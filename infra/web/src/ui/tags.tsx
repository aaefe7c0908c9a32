import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { t } from "../lib/i18n";
import { Icon } from "./icons";
import { FieldError } from "./parts";

interface Props<T> {
  label: string;
  hint?: string;
  wrong?: string | undefined;
  placeholder?: string;
  entries: T[];
  text: (entry: T) => string;
  make: (text: string) => T;
  onChange: (entries: T[]) => void;
}

/** A list of short texts, in their order: Enter adds what was typed, and so does leaving the field. */
export function Tags<T>({ label, hint, wrong, placeholder, entries, text, make, onChange }: Props<T>) {
  const id = useId();
  const typed = useSignal("");
  const add = () => {
    const found = typed.value.trim();
    typed.value = "";
    if (found && !entries.some((each) => text(each) === found)) onChange([...entries, make(found)]);
  };
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {label}
      </label>
      {entries.length > 0 && (
        <ul class="chips" aria-label={label}>
          {entries.map((each) => (
            <li class="chip chip-removable" key={text(each)}>
              {text(each)}
              <button
                type="button"
                aria-label={t("tags.remove", { text: text(each) })}
                onClick={() => onChange(entries.filter((other) => other !== each))}
              >
                <Icon name="close" size={12} />
              </button>
            </li>
          ))}
        </ul>
      )}
      <input
        id={id}
        value={typed.value}
        maxLength={100}
        placeholder={placeholder ?? t("tags.add")}
        autocomplete="off"
        enterkeyhint="done"
        aria-invalid={wrong ? true : undefined}
        onInput={(event) => (typed.value = event.currentTarget.value)}
        onBlur={add}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.isComposing || !typed.value.trim()) return;
          event.preventDefault();
          add();
        }}
      />
      {hint && <span class="field-hint">{hint}</span>}
      <FieldError text={wrong} />
    </div>
  );
}
