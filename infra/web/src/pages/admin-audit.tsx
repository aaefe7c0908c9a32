import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { AUDIT, type EntryPage, type Filters, kindTitle, readAuditExport, shortId } from "../lib/audit";
import { data, query, serverTime } from "../lib/api";
import { saveFile } from "../lib/export";
import { t } from "../lib/i18n";
import { route, setParams } from "../lib/router";
import { dateAndTime } from "../lib/time";
import { Icon } from "../ui/icons";
import { IconButton } from "../ui/parts";
import { usePages } from "../ui/pages";
import { useResource } from "../ui/resource";
import { showError, showToast } from "../ui/toasts";
import { AuditFilterDialog } from "./audit-filters";
import { AuditEntries } from "./audit-entries";
import { type Employee, EMPLOYEES } from "./admin-people";

const DAY = 86_400_000;
const LIMIT = 50;
const CHIPS = ["person", "kind", "days", "from", "to"] as const;
export type Chosen = Record<(typeof CHIPS)[number], string | null>;

/** Who changed what on this desk, for operators. */
export function AuditLog() {
  const { params } = route.value;
  const chosen = Object.fromEntries(CHIPS.map((name) => [name, params.get(name)])) as Chosen;
  const wanted = JSON.stringify(chosen);
  const isFiltered = CHIPS.some((name) => chosen[name]);
  // The pages of a list have the same bounds, so "the last 7 days" is a time when the list begins.
  const filters = useRef<Filters>(toFilters(chosen));
  const pages = usePages(
    (cursor) => {
      if (cursor === null) filters.current = toFilters(chosen);
      return data<EntryPage>("GET", query(AUDIT, { ...filters.current, limit: LIMIT, cursor }));
    },
    [wanted],
  );
  const person = useResource(() => findPerson(chosen.person), [chosen.person]);
  const known = person.state.value.status === "ready" ? person.state.value.value : null;
  const isEditing = useSignal(false);
  return (
    <>
      <div class="row audit-tools">
        <p class="faint grow">{t("audit.note")}</p>
        <IconButton icon="refresh" label={t("audit.refresh")} onClick={() => void pages.reload()} />
        <Export filters={() => filters.current} />
      </div>
      <div class="filters">
        {CHIPS.map((name) => {
          const text = chipText(name, chosen[name], known);
          return (
            text && (
              <span class="chip filter-chip" key={name}>
                <bdi>{text}</bdi>
                <button
                  type="button"
                  aria-label={t("filter.remove", { name: text })}
                  onClick={() => setParams({ [name]: null })}
                >
                  <Icon name="close" size={12} />
                </button>
              </span>
            )
          );
        })}
        <button type="button" class="button button-small" onClick={() => (isEditing.value = true)}>
          <Icon name="plus" size={14} /> {t("filter.add")}
        </button>
      </div>
      <AuditEntries pages={pages} emptyText={t(isFiltered ? "audit.noMatches" : "audit.empty")} isOperator />
      {isEditing.value && (
        <AuditFilterDialog chosen={chosen} person={known} onClose={() => (isEditing.value = false)} />
      )}
    </>
  );
}

function toFilters({ person, kind, days, from, to }: Chosen): Filters {
  const since = Number(days) > 0 ? new Date(serverTime() - Number(days) * DAY).toISOString() : from;
  return { personId: person, kind, from: since, to };
}

/** Find whom a filter names. Somebody who was erased has entries, and no page. */
async function findPerson(id: string | null): Promise<Employee | null> {
  return id ? data<Employee>("GET", `${EMPLOYEES}/${encodeURIComponent(id)}`).catch(() => null) : null;
}

function chipText(name: keyof Chosen, value: string | null, person: Employee | null): string {
  if (!value) return "";
  if (name === "person") return person?.name ?? `${t("audit.person")} ${shortId(value)}`;
  if (name === "kind") return kindTitle(value);
  if (name === "days") return t("filter.days", { n: Number(value) });
  return t(name === "from" ? "audit.fromTime" : "audit.toTime", { time: dateAndTime(value) });
}

/** The button that saves all entries that match, and stops while it reads them. */
function Export({ filters }: { filters: () => Filters }) {
  const count = useSignal<number | null>(null);
  const isStopped = useRef(false);
  useEffect(() => () => void (isStopped.current = true), []);
  const save = async () => {
    isStopped.current = false;
    count.value = 0;
    try {
      const file = await readAuditExport(
        filters(),
        (entries) => (count.value = entries),
        () => isStopped.current,
      );
      if (file) {
        saveFile(file, "audit.jsonl");
        showToast(t("audit.exported", { n: count.value }));
      }
    } catch (error) {
      showError(error);
    }
    count.value = null;
  };
  return (
    <>
      <span role="status" class="faint">
        {count.value !== null && t("audit.exporting", { n: count.value })}
      </span>
      <button
        type="button"
        class="button"
        onClick={() => (count.value === null ? void save() : (isStopped.current = true))}
      >
        {t(count.value === null ? "audit.export" : "audit.stop")}
      </button>
    </>
  );
}
