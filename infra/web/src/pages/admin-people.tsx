import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { data, query } from "../lib/api";
import { fullTime } from "../lib/time";
import { type MessageKey, t } from "../lib/i18n";
import { href, route, setParams } from "../lib/router";
import { me } from "../lib/session";
import { FormDialog } from "../ui/form";
import { useLoading } from "../ui/hooks";
import { Icon } from "../ui/icons";
import { Avatar, Chip, EmptyState, ErrorState, Field, Skeleton, Tabs } from "../ui/parts";
import { SecretDialog } from "../ui/secret";
import { showError } from "../ui/toasts";
import { ImportDialog } from "./admin-import";
import { PersonDetail } from "./admin-person";

export interface Employee {
  id: string;
  email: string;
  name: string;
  active: boolean;
  operator: boolean;
}

export interface SignInLink {
  link: string;
  expiresAt: string;
}

interface Page {
  items: Employee[];
  nextCursor: string | null;
}

export const EMPLOYEES = "api/v2/operate/employees";
const FILTERS = ["all", "active", "deactivated", "operators"] as const;

/** The people of the desk: a list, or one person. */
export function People() {
  const { id } = route.value;
  return id ? <PersonDetail key={id} id={id} /> : <PeopleList />;
}

function PeopleList() {
  const { params } = route.value;
  const [search, only] = [params.get("search") ?? "", params.get("only") ?? "all"];
  const people = useSignal<Employee[]>([]);
  const next = useSignal<string | null>(null);
  const state = useSignal<"loading" | "ready" | { error: unknown }>("loading");
  const open = useSignal<"invite" | "import" | { name: string; link: SignInLink } | null>(null);
  const latestLoad = useRef(0);
  const timer = useRef(0);
  const load = async (cursor: string | null) => {
    const number = ++latestLoad.current;
    if (!cursor) state.value = "loading";
    try {
      const page = await data<Page>(
        "GET",
        query(EMPLOYEES, { search, only: only === "all" ? null : only, limit: 50, cursor }),
      );
      if (number !== latestLoad.current) return;
      people.value = cursor ? [...people.value, ...page.items] : page.items;
      next.value = page.nextCursor;
      state.value = "ready";
    } catch (error) {
      if (number === latestLoad.current) state.value = { error };
    }
  };
  useLoading(() => load(null), [search, only]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const shown = state.value;
  return (
    <>
      <div class="row people-tools">
        <label class="search grow">
          <Icon name="search" size={16} />
          <span class="hidden">{t("people.search")}</span>
          <input
            type="search"
            class="search-input"
            placeholder={t("people.search")}
            defaultValue={search}
            maxLength={200}
            onInput={(event) => {
              const text = event.currentTarget.value.trim();
              clearTimeout(timer.current);
              timer.current = setTimeout(() => setParams({ search: text || null }), 300);
            }}
          />
        </label>
        <button type="button" class="button" onClick={() => void exportPeople()}>
          {t("people.export")}
        </button>
        <button type="button" class="button" onClick={() => (open.value = "import")}>
          {t("people.import")}
        </button>
        <button type="button" class="button button-primary" onClick={() => (open.value = "invite")}>
          <Icon name="plus" size={16} /> {t("people.invite")}
        </button>
      </div>
      <Tabs
        label={t("people.filter")}
        chosen={only}
        onChoose={(to) => setParams({ only: to === "all" ? null : to })}
        choices={FILTERS.map((each) => ({ value: each, label: t(`people.${each}` as MessageKey) }))}
      />
      {typeof shown === "object" ? (
        <ErrorState error={shown.error} onRetry={() => void load(null)} />
      ) : shown === "loading" ? (
        <Skeleton rows={8} />
      ) : people.value.length === 0 && !next.value ? (
        <EmptyState icon="contacts" text={t(search || only !== "all" ? "people.noMatches" : "people.empty")} />
      ) : (
        <>
          <ul class="rows people-rows">
            {people.value.map((each) => (
              <li key={each.id}>
                <a class="row-card" href={href("operate", each.id, params)}>
                  <Avatar name={each.name} />
                  <div class="row-main">
                    <p>
                      <b>{each.name}</b>
                    </p>
                    <p class="faint">{each.email}</p>
                  </div>
                  <States of={each} />
                </a>
              </li>
            ))}
          </ul>
          <div class="end">
            {next.value ? (
              <>
                {people.value.length === 0 && <p class="faint">{t("people.searching")}</p>}
                <button type="button" class="button" onClick={() => void load(next.value)}>
                  {t("people.more")}
                </button>
              </>
            ) : (
              <span class="faint">{t("people.end")}</span>
            )}
          </div>
        </>
      )}
      {open.value === "invite" && (
        <InviteDialog
          onClose={() => (open.value = null)}
          onInvited={(name, link) => {
            open.value = { name, link };
            void load(null);
          }}
        />
      )}
      {open.value === "import" && (
        <ImportDialog onClose={() => (open.value = null)} onImported={() => void load(null)} />
      )}
      {typeof open.value === "object" && open.value && (
        <LinkDialog {...open.value} onClose={() => (open.value = null)} />
      )}
    </>
  );
}

/** The chips that say what somebody may do. */
export function States({ of: person }: { of: Employee }) {
  return (
    <span class="chips">
      {person.id === me.value?.id && <Chip kind="chip-info">{t("people.you")}</Chip>}
      {person.operator && <Chip kind="chip-warn">{t("people.operator")}</Chip>}
      <Chip kind={person.active ? "chip-success" : ""}>{t(person.active ? "people.active" : "people.deactivated")}</Chip>
    </span>
  );
}

/** A sign-in link, which is shown once. */
export function LinkDialog({ name, link, onClose }: { name: string; link: SignInLink; onClose: () => void }) {
  return (
    <SecretDialog
      title={t("people.linkTitle", { name })}
      note={t("people.linkNote", { name, time: fullTime(link.expiresAt) })}
      label={t("people.link")}
      secret={link.link}
      onClose={onClose}
    />
  );
}

function InviteDialog({
  onClose,
  onInvited,
}: {
  onClose: () => void;
  onInvited: (name: string, link: SignInLink) => void;
}) {
  return (
    <FormDialog
      title={t("people.inviteTitle")}
      action={t("people.inviteAction")}
      draft="invitation"
      onClose={onClose}
      onSend={async (field, form) => {
        const body = {
          email: field("email"),
          name: field("name"),
          operator: form.has("operator"),
          projects: field("projects").split(/[\s,;]+/).filter(Boolean),
        };
        onInvited(body.name, await data<SignInLink>("POST", EMPLOYEES, body));
      }}
    >
      <Field label={t("people.email")}>
        <input name="email" type="email" required maxLength={120} autoFocus autocomplete="off" />
      </Field>
      <Field label={t("name")}>
        <input name="name" required maxLength={100} autocomplete="off" />
      </Field>
      <Field label={t("people.projects")} hint={t("people.projectsHint")}>
        <input name="projects" autocomplete="off" />
      </Field>
      <label class="check">
        <input type="checkbox" name="operator" />
        <span>
          {t("people.makeOperator")} <small class="faint">{t("people.operatorHint")}</small>
        </span>
      </label>
    </FormDialog>
  );
}

/** Save all people as a file for spreadsheets, which know UTF-8 by the mark at its beginning. */
async function exportPeople(): Promise<void> {
  try {
    const parts = ["\ufeff"];
    let cursor: string | null = null;
    do {
      const part: { csv: string; nextCursor: string | null } = await data("GET", query(`${EMPLOYEES}/export`, { cursor }));
      parts.push(part.csv);
      cursor = part.nextCursor;
    } while (cursor);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
    link.download = "people.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  } catch (error) {
    showError(error);
  }
}
