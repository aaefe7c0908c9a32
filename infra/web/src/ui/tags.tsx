import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { t } from "../lib/i18n";
import { Icon } from "./icons";
import { FieldError } from "./parts";

interface Props<T> {
  label: string;
  hint?: string;
  error?: string | undefined;
  placeholder?: string;
  entries: T[];
  text: (entry: T) => string;
  toEntry: (text: string) => T;
  onChange: (entries: T[]) => void;
}

/** An ordered list of short texts. Enter adds an entry, and so does leaving the field. */
export function TagInput<T>({ label, hint, error, placeholder, entries, text, toEntry, onChange }: Props<T>) {
  const id = useId();
  const typed = useSignal("");
  const add = () => {
    const added = typed.value.trim();
    typed.value = "";
    if (added && !entries.some((each) => text(each) === added)) onChange([...entries, toEntry(added)]);
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
        aria-invalid={error ? true : undefined}
        onInput={(event) => (typed.value = event.currentTarget.value)}
        onBlur={add}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.isComposing || !typed.value.trim()) return;
          event.preventDefault();
          add();
        }}
      />
      {hint && <span class="field-hint">{hint}</span>}
      <FieldError text={error} />
    </div>
  );
}
