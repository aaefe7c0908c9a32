import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { valueLabel, t } from "../lib/i18n";
import { Field, Switch } from "../ui/parts";
import type { ProfileFields, FieldsOfType } from "../lib/profile";

export const TEXT_FIELDS = ["currentTitle", "currentCompany", "industry"] as const;
export const LOCAL_TIME_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The draft of the form, with access to the fields and their errors. */
export interface FormState {
  draft: Signal<ProfileFields>;
  set: <K extends keyof ProfileFields>(name: K, value: ProfileFields[K]) => void;
  errorOf: (name: keyof ProfileFields) => string | undefined;
}

/** A titled part of the profile. */
export function Panel({ title, note, children }: { title: string; note?: string; children: ComponentChildren }) {
  return (
    <section class="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {note && <p class="faint">{note}</p>}
      </header>
      {children}
    </section>
  );
}

export function TextInput({
  name,
  hint,
  draft,
  set,
  errorOf,
}: FormState & { name: (typeof TEXT_FIELDS)[number] | "headline"; hint?: string }) {
  return (
    <Field label={t(`profile.${name}`)} {...(hint && { hint })} error={errorOf(name)}>
      <input
        maxLength={200}
        value={draft.value[name] ?? ""}
        aria-invalid={errorOf(name) ? true : undefined}
        onInput={(event) => set(name, event.currentTarget.value || null)}
      />
    </Field>
  );
}

export function Toggle({ name, draft, set }: FormState & { name: FieldsOfType<boolean> }) {
  return (
    <Switch
      label={t(`profile.${name}`)}
      hint={t(`profile.${name}Hint`)}
      on={draft.value[name]}
      onChange={(on) => set(name, on)}
    />
  );
}

interface SelectProps<K extends "visibility" | "relayMode"> extends FormState {
  name: K;
  values: Array<ProfileFields[K]>;
  label: string;
}

export function Select<K extends "visibility" | "relayMode">({ name, values, label, draft, set }: SelectProps<K>) {
  const chosen = draft.value[name];
  return (
    <Field label={label} hint={valueLabel(`${name}Hint`, chosen)}>
      <select value={chosen} onChange={(event) => set(name, event.currentTarget.value as ProfileFields[K])}>
        {values.map((each) => (
          <option value={each} key={each}>
            {valueLabel(name, each)}
          </option>
        ))}
      </select>
    </Field>
  );
}

interface ZoneProps {
  value: string;
  error: string | undefined;
  required?: boolean;
  onChange: (zone: string) => void;
}

export function ZoneInput({ value, error, required = false, onChange }: ZoneProps) {
  return (
    <input
      list="zones"
      maxLength={60}
      placeholder={LOCAL_TIME_ZONE}
      spellcheck={false}
      required={required}
      value={value}
      aria-invalid={error ? true : undefined}
      onInput={(event) => onChange(event.currentTarget.value.trim())}
    />
  );
}
