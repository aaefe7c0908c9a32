import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { loadDeclaredTypes, typeName } from "../lib/event-types";
import { GROUPINGS, integratorOf } from "../lib/groups";
import { t, valueLabel } from "../lib/i18n";
import { visibleItems } from "../lib/inbox";
import { type Filters, SEVERITIES } from "../lib/inbox-items";
import { setParams } from "../lib/router";
import { DeclaredTypeOptions } from "../ui/event-type";
import { FormDialog } from "../ui/form";
import { Icon } from "../ui/icons";
import { Field } from "../ui/parts";

const STATUSES = ["open", "resolved"];
const DAYS = ["1", "7", "30"];
const CHIPS = ["severity", "status", "integrator", "type", "label", "days"] as const;
type ChipName = (typeof CHIPS)[number];

export const isFiltered = (filters: Filters): boolean => Boolean(filters.q || CHIPS.some((name) => filters[name]));

/** The filters as chips, each with a button that removes it, and the dialog that sets them. */
export function FilterBar({ filters, group }: { filters: Filters; group: string }) {
  const editing = useSignal(false);
  useEffect(() => {
    if (filters.type) void loadDeclaredTypes();
  }, [filters.type]);
  return (
    <div class="filters">
      {CHIPS.filter((name) => filters[name]).map((name) => (
        <span class="chip filter-chip" key={name}>
          {chipText(name, filters[name])}
          <button
            type="button"
            aria-label={t("filter.remove", { name: chipText(name, filters[name]) })}
            onClick={() => setParams({ [name]: null, at: null })}
          >
            <Icon name="close" size={12} />
          </button>
        </span>
      ))}
      <button type="button" class="button button-small" onClick={() => (editing.value = true)}>
        <Icon name="plus" size={14} /> {t("filter.add")}
      </button>
      <select
        aria-label={t("group.by")}
        value={group}
        onChange={(event) => setParams({ group: event.currentTarget.value || null, at: null })}
      >
        <option value="">{t("group.off")}</option>
        {GROUPINGS.map((each) => (
          <option value={each} key={each}>
            {t(`group.${each}`)}
          </option>
        ))}
      </select>
      {editing.value && <FilterDialog filters={filters} onClose={() => (editing.value = false)} />}
    </div>
  );
}

function chipText(name: ChipName, value: string): string {
  if (name === "severity") return valueLabel("severity", value);
  if (name === "status") return value === "open" ? t("inbox.open") : t("inbox.resolved");
  if (name === "days") return t("filter.days", { n: Number(value) });
  if (name === "type") return typeName(value) ?? value;
  return value;
}

function FilterDialog({ filters, onClose }: { filters: Filters; onClose: () => void }) {
  const types = [...new Set(visibleItems.value.map((each) => each.eventType))].sort();
  const integrators = [...new Set(visibleItems.value.map(integratorOf))].sort();
  return (
    <FormDialog
      title={t("filter.title")}
      action={t("filter.apply")}
      onClose={onClose}
      onSend={async (field) => {
        onClose();
        setParams({ ...Object.fromEntries(CHIPS.map((name) => [name, field(name) || null])), at: null });
      }}
    >
      <Field label={t("inbox.severity")}>
        <Choices
          name="severity"
          value={filters.severity}
          none={t("inbox.anySeverity")}
          choices={SEVERITIES.map((each) => [each, valueLabel("severity", each)])}
        />
      </Field>
      <Field label={t("inbox.status")}>
        <Choices
          name="status"
          value={filters.status}
          none={t("inbox.anyStatus")}
          choices={STATUSES.map((each) => [each, chipText("status", each)])}
        />
      </Field>
      <Field label={t("filter.time")}>
        <Choices
          name="days"
          value={filters.days}
          none={t("filter.anyTime")}
          choices={DAYS.map((each) => [each, chipText("days", each)])}
        />
      </Field>
      <Field label={t("filter.integrator")}>
        <input name="integrator" list="filter-integrators" maxLength={60} defaultValue={filters.integrator} />
      </Field>
      <Field label={t("inbox.type")}>
        <input name="type" list="filter-types" maxLength={60} defaultValue={filters.type} />
      </Field>
      <Field label={t("filter.label")} hint={t("filter.labelHint")}>
        <input name="label" maxLength={500} defaultValue={filters.label} />
      </Field>
      <datalist id="filter-integrators">
        {integrators.map((each) => (
          <option value={each} key={each} />
        ))}
      </datalist>
      <datalist id="filter-types">
        <DeclaredTypeOptions besides={types} />
      </datalist>
    </FormDialog>
  );
}

interface ChoicesProps {
  name: string;
  value: string;
  none: string;
  choices: string[][];
}

function Choices({ name, value, none, choices }: ChoicesProps) {
  return (
    <select name={name} defaultValue={value}>
      <option value="">{none}</option>
      {choices.map(([each, text]) => (
        <option value={each} key={each} selected={each === value}>
          {text}
        </option>
      ))}
    </select>
  );
}
