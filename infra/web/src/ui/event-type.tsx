import { useEffect } from "preact/hooks";
import { t } from "../lib/i18n";
import { declaredTypes, loadDeclaredTypes, typeName } from "../lib/event-types";
import { Field } from "./parts";

/** An event type by its declared name, with the type beneath; or as it is sent. */
export function EventTypeText({ type }: { type: string }) {
  useEffect(() => void loadDeclaredTypes(), []);
  const name = typeName(type);
  if (!name) return <span class="mono">{type}</span>;
  return (
    <>
      <bdi>{name}</bdi> <small class="mono faint">{type}</small>
    </>
  );
}

/** Lets one choose a declared event type by its name; the choice is put into the field `eventType` of the form. */
export function DeclaredTypeChoice() {
  useEffect(() => void loadDeclaredTypes(), []);
  const groups = declaredTypes.value.filter((each) => each.types.length > 0);
  if (groups.length === 0) return null;
  return (
    <Field label={t("types.choose")}>
      <select
        onChange={({ currentTarget: { form, value } }) => {
          const input = form!.querySelector<HTMLInputElement>("[name=eventType]")!;
          input.value = value;
          // Its form keeps what is typed.
          input.dispatchEvent(new Event("input", { bubbles: true }));
        }}
      >
        <option value="">{t("types.none")}</option>
        {groups.map(({ integrator, name, types }) => (
          <optgroup label={name} key={integrator}>
            {types.map((each) => (
              <option value={each.eventType} key={each.eventType}>
                {each.name} ({each.eventType})
              </option>
            ))}
          </optgroup>
        ))}
      </select>
    </Field>
  );
}

/** The declared event types as suggestions of a text field, with their names. */
export function DeclaredTypeOptions({ besides }: { besides: string[] }) {
  useEffect(() => void loadDeclaredTypes(), []);
  const declared = declaredTypes.value.flatMap(({ types }) => types);
  const others = besides.filter((type) => !declared.some((each) => each.eventType === type));
  return (
    <>
      {declared.map((each) => (
        <option value={each.eventType} label={each.name} key={each.eventType} />
      ))}
      {others.map((type) => (
        <option value={type} label={typeName(type) ?? undefined} key={type} />
      ))}
    </>
  );
}
