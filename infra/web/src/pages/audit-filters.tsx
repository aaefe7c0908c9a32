import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, data, query } from "../lib/api";
import { KINDS, kindTitle } from "../lib/audit";
import { t, valueLabel } from "../lib/i18n";
import { setParams } from "../lib/router";
import { toField } from "../lib/time";
import { FormDialog } from "../ui/form";
import { Field } from "../ui/parts";
import type { Chosen } from "./admin-audit";
import { type Employee, EMPLOYEES } from "./admin-people";

const DAYS = ["1", "7", "30", "90"];
const RANGE = "range";
const SUGGESTIONS = 8;

interface Props {
  chosen: Chosen;
  /** Whom the filter names. */
  person: Employee | null;
  onClose: () => void;
}

/** The dialog that sets the filters of the audit log. */
export function AuditFilterDialog({ chosen, person, onClose }: Props) {
  const time = useSignal(chosen.days ?? (chosen.from || chosen.to ? RANGE : ""));
  return (
    <FormDialog
      title={t("filter.title")}
      action={t("filter.apply")}
      onClose={onClose}
      onSend={async (field) => {
        const found = await findPerson(field("person"), person, chosen.person);
        const [from, to] = time.value === RANGE ? [toTime(field("from")), toTime(field("to"))] : [null, null];
        if (from && to && from >= to) throw new ApiError(t("audit.wrongRange"), 400);
        onClose();
        const days = time.value === RANGE ? null : time.value;
        setParams({ person: found, kind: field("kind"), days, from, to });
      }}
    >
      <PersonField person={person} />
      <Field label={t("audit.kind")}>
        <select name="kind" defaultValue={chosen.kind ?? ""}>
          <option value="">{t("audit.anyKind")}</option>
          {[...KINDS].map(([subject, kinds]) => (
            <optgroup label={valueLabel("audit.subject", subject)} key={subject}>
              {(kinds.length > 1 ? [`${subject}.`, ...kinds] : kinds).map((each) => (
                <option value={each} key={each} selected={each === chosen.kind}>
                  {kindTitle(each)}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      </Field>
      <Field label={t("filter.time")}>
        <select name="time" value={time.value} onChange={(event) => (time.value = event.currentTarget.value)}>
          <option value="">{t("filter.anyTime")}</option>
          {DAYS.map((each) => (
            <option value={each} key={each}>
              {t("filter.days", { n: Number(each) })}
            </option>
          ))}
          <option value={RANGE}>{t("audit.range")}</option>
        </select>
      </Field>
      {time.value === RANGE && (
        <div class="form-row">
          {(["from", "to"] as const).map((name) => (
            <Field key={name} label={t(`audit.${name}`)}>
              <input type="datetime-local" name={name} defaultValue={toField(chosen[name])} />
            </Field>
          ))}
        </div>
      )}
    </FormDialog>
  );
}

/** A field that suggests people while one types. */
function PersonField({ person }: { person: Employee | null }) {
  const suggested = useSignal<Employee[]>([]);
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const suggest = async (text: string) => {
    // Without suggestions the field still takes a name or an address.
    suggested.value = text ? await searchPeople(text).catch(() => []) : [];
  };
  return (
    <Field label={t("audit.person")} hint={t("audit.personHint")}>
      <input
        name="person"
        list="audit-people"
        maxLength={200}
        autocomplete="off"
        defaultValue={person?.email ?? ""}
        onInput={(event) => {
          const text = event.currentTarget.value.trim();
          clearTimeout(timer.current);
          timer.current = setTimeout(() => void suggest(text), 300);
        }}
      />
      <datalist id="audit-people">
        {suggested.value.map((each) => (
          <option value={each.email} key={each.id}>
            {each.name}
          </option>
        ))}
      </datalist>
    </Field>
  );
}

async function searchPeople(search: string): Promise<Employee[]> {
  return (await data<{ items: Employee[] }>("GET", query(EMPLOYEES, { search, limit: SUGGESTIONS }))).items;
}

/** Return the id of the person whose name or address was entered. */
async function findPerson(text: string, known: Employee | null, current: string | null): Promise<string | null> {
  // Somebody who was erased has no address to enter. Their chip removes the filter.
  if (!text) return known ? null : current;
  if (known && text === known.email) return known.id;
  const found = await searchPeople(text);
  const [named, ...others] = found.filter((each) => each.email.toLowerCase() === text.toLowerCase());
  const [only, ...further] = named ? [named, ...others] : found;
  if (!only) throw new ApiError(t("audit.noPerson"), 404);
  if (further.length > 0) throw new ApiError(t("audit.severalPeople"), 409);
  return only.id;
}

const toTime = (local: string): string | null => (local ? new Date(local).toISOString() : null);
