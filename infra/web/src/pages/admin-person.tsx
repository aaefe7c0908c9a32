import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { data, query } from "../lib/api";
import { shortDeviceName } from "../lib/devices";
import { type MessageKey, t } from "../lib/i18n";
import { href, route, setParams } from "../lib/router";
import { me, signOut } from "../lib/session";
import { AskDialog, FormDialog } from "../ui/form";
import { Icon } from "../ui/icons";
import { Avatar, Chip, Field, Tabs, Time } from "../ui/parts";
import { Loaded } from "../ui/loaded";
import { useResource } from "../ui/resource";
import { showToast } from "../ui/toasts";
import { type Employee, EMPLOYEES, LinkDialog, type SignInLink, States } from "./admin-people";

interface Person extends Employee {
  projects: Array<{ slug: string; name: string; role: "admin" | "member" }>;
  sessions: Array<{
    id: string;
    isCurrent: boolean;
    device: string;
    createdAt: string;
    startedFrom: string | null;
    lastUsedAt: string | null;
  }>;
  keys: Array<{
    id: string;
    name: string;
    keyPrefix: string;
    isActive: boolean;
    expiresAt: string | null;
    lastUsedAt: string | null;
  }>;
  personalTokens: Array<{
    id: string;
    integrator: string;
    label: string | null;
    status: string;
    lastUsedAt: string | null;
  }>;
  groups: string[];
  passkeys: number;
  connections: number;
  browsers: number;
  lastSeenAt: string | null;
}

type Asked = "rename" | "operator" | "deactivate" | "link" | "sessions" | { deleteKey: Person["keys"][number] };

const VIEWS = ["overview", "sessions", "keys", "tokens"] as const;

/** One person: what they may do, where they are signed in, and what gives them access. */
export function PersonDetail({ id }: { id: string }) {
  const path = `${EMPLOYEES}/${encodeURIComponent(id)}`;
  const resource = useResource(() => data<Person>("GET", path));
  const asked = useSignal<Asked | null>(null);
  const link = useSignal<SignInLink | null>(null);
  const close = () => (asked.value = null);
  const view = VIEWS.find((each) => each === route.value.params.get("view")) ?? "overview";
  const list = new URLSearchParams(route.value.params);
  list.delete("view");
  const done = async (text: string) => {
    close();
    showToast(text);
    await resource.reload();
  };
  return (
    <>
      <div class="row">
        <a class="button" href={href("operate", null, list)}>
          <Icon name="back" size={16} /> {t("people.back")}
        </a>
      </div>
      <Loaded resource={resource}>
        {(person) => {
          const isOwn = person.id === me.value?.id;
          const { name } = person;
          const mutate = (change: () => Promise<unknown>) => void resource.mutate(change);
          return (
            <>
              <div class="person-head">
                <Avatar name={name} />
                <div class="row-main">
                  <h2>{name}</h2>
                  <p class="faint">{person.email}</p>
                  <States of={person} />
                </div>
              </div>
              <div class="row people-tools">
                {person.active && (
                  <button type="button" class="button button-primary" onClick={() => (asked.value = "link")}>
                    {t("people.newLink")}
                  </button>
                )}
                <button type="button" class="button" onClick={() => (asked.value = "rename")}>
                  {t("people.rename")}
                </button>
                {(person.active || person.operator) && (
                  <button type="button" class="button" onClick={() => (asked.value = "operator")}>
                    {t(person.operator ? "people.withdrawOperator" : "people.makeOperator")}
                  </button>
                )}
                <a class="button" href={href("operate", null, new URLSearchParams({ tab: "audit", person: id }))}>
                  {t("admin.audit")}
                </a>
                {person.active ? (
                  <button type="button" class="button button-danger" onClick={() => (asked.value = "deactivate")}>
                    {t("people.deactivate")}
                  </button>
                ) : (
                  <button
                    type="button"
                    class="button button-primary"
                    onClick={() =>
                      mutate(async () => {
                        await data("POST", `${path}/activate`);
                        showToast(t("people.activatedNow", { name }));
                      })
                    }
                  >
                    {t("people.activate")}
                  </button>
                )}
              </div>
              <Tabs
                label={name}
                chosen={view}
                onChoose={(to) => setParams({ view: to === "overview" ? null : to })}
                choices={VIEWS.map((each) => ({
                  value: each,
                  label: t(`people.${each}` as MessageKey),
                  count:
                    each === "sessions"
                      ? person.sessions.length
                      : each === "keys"
                        ? person.keys.length
                        : each === "tokens"
                          ? person.personalTokens.length
                          : 0,
                }))}
              />
              {view === "overview" && <Overview of={person} />}
              {view === "sessions" && (
                <SessionRows
                  of={person}
                  onEndAll={() => (asked.value = "sessions")}
                  onEnd={(session) =>
                    mutate(async () => {
                      await data("DELETE", query(`${path}/sessions`, { id: session }));
                      showToast(t("people.sessionsEnded", { n: 1 }));
                    })
                  }
                />
              )}
              {view === "keys" && (
                <KeyRows
                  of={person}
                  onSwitch={(key, isActive) => mutate(() => data("PATCH", `${path}/keys`, { id: key, isActive }))}
                  onDelete={(key) => (asked.value = { deleteKey: key })}
                />
              )}
              {view === "tokens" && (
                <TokenRows
                  of={person}
                  onSwitch={(token, isActive) =>
                    mutate(() => data("PATCH", `${path}/personal-tokens`, { id: token, isActive }))
                  }
                />
              )}
              {asked.value === "rename" && (
                <FormDialog
                  title={t("people.rename")}
                  draft={`person.${path}`}
                  action={t("save")}
                  onClose={close}
                  onSend={async (field) => {
                    await data("PATCH", path, { name: field("name") });
                    await done(t("people.renamed"));
                  }}
                >
                  <Field label={t("name")}>
                    <input name="name" required maxLength={100} defaultValue={name} autoFocus autocomplete="off" />
                  </Field>
                </FormDialog>
              )}
              {asked.value === "link" && (
                <AskDialog
                  title={t("people.newLinkTitle", { name })}
                  text={t("people.newLinkText")}
                  action={t("people.inviteAction")}
                  onClose={close}
                  onConfirm={async () => {
                    link.value = await data<SignInLink>("POST", `${path}/sign-in-links`);
                    close();
                  }}
                />
              )}
              {asked.value === "operator" && (
                <AskDialog
                  title={t(person.operator ? "people.withdrawOperatorTitle" : "people.makeOperatorTitle", { name })}
                  text={
                    !person.operator
                      ? t("people.operatorHint")
                      : t(isOwn ? "people.withdrawOwnText" : "people.withdrawOperatorText", { name })
                  }
                  action={t(person.operator ? "people.withdrawOperator" : "people.makeOperator")}
                  destructive={person.operator}
                  onClose={close}
                  onConfirm={async () => {
                    await data("PATCH", path, { operator: !person.operator, ...(isOwn && { confirmSelf: true }) });
                    await done(t(person.operator ? "people.operatorWithdrawn" : "people.operatorMade", { name }));
                  }}
                />
              )}
              {asked.value === "deactivate" && (
                <AskDialog
                  title={t("people.deactivateTitle", { name })}
                  text={t(isOwn ? "people.deactivateOwnText" : "people.deactivateText", { name })}
                  action={t("people.deactivate")}
                  destructive
                  onClose={close}
                  onConfirm={async () => {
                    const ended = await data<{ toolsTokensLeft: string[] }>("POST", `${path}/deactivate`, {
                      confirmSelf: isOwn,
                    });
                    if (isOwn) return signOut();
                    const left = ended.toolsTokensLeft.length;
                    if (left) showToast(t("people.toolsTokensLeft", { name, n: left }));
                    await done(t("people.deactivatedNow", { name }));
                  }}
                />
              )}
              {asked.value === "sessions" && (
                <AskDialog
                  title={t("people.endAllTitle", { name })}
                  text={t("people.endAllText")}
                  action={t("people.endAll")}
                  destructive
                  onClose={close}
                  onConfirm={async () => {
                    const { ended } = await data<{ ended: number }>("DELETE", `${path}/sessions`);
                    await done(t("people.sessionsEnded", { n: ended }));
                  }}
                />
              )}
              {typeof asked.value === "object" && asked.value && (
                <DeleteKeyDialog
                  of={asked.value.deleteKey}
                  onClose={close}
                  onDelete={async (key) => {
                    await data("DELETE", query(`${path}/keys`, { id: key.id }));
                    await done(t("key.deleted", { name: key.name }));
                  }}
                />
              )}
              {link.value && <LinkDialog name={name} link={link.value} onClose={() => (link.value = null)} />}
            </>
          );
        }}
      </Loaded>
    </>
  );
}

function DeleteKeyDialog({
  of: key,
  onClose,
  onDelete,
}: {
  of: Person["keys"][number];
  onClose: () => void;
  onDelete: (key: Person["keys"][number]) => Promise<void>;
}) {
  return (
    <AskDialog
      title={t("people.deleteKeyTitle", { name: key.name })}
      text={t("key.deleteEffect")}
      action={t("delete")}
      destructive
      onClose={onClose}
      onConfirm={() => onDelete(key)}
    />
  );
}

function Overview({ of: person }: { of: Person }) {
  return (
    <>
      <dl class="stats">
        <div class="stat">
          <dt>{t("people.lastSeen")}</dt>
          <dd>{person.lastSeenAt ? <Time at={person.lastSeenAt} /> : t("people.never")}</dd>
        </div>
        {(["passkeys", "connections", "browsers"] as const).map((each) => (
          <div class="stat" key={each}>
            <dt>{t(`people.${each}`)}</dt>
            <dd>
              <b>{person[each]}</b>
            </dd>
          </div>
        ))}
      </dl>
      {person.groups.length > 0 && (
        <section>
          <h3>{t("people.groups")}</h3>
          <ul class="chips">
            {person.groups.map((each) => (
              <li key={each}>
                <Chip>{each}</Chip>
              </li>
            ))}
          </ul>
        </section>
      )}
      <section>
        <h3>{t("people.projects")}</h3>
        {person.projects.length === 0 ? (
          <p class="faint">{t("people.noProjects")}</p>
        ) : (
          <ul class="chips">
            {person.projects.map((each) => (
              <li key={each.slug}>
                <Chip title={each.slug}>
                  {each.name}
                  {each.role === "admin" && ` · ${t("people.projectAdmin")}`}
                </Chip>
              </li>
            ))}
          </ul>
        )}
      </section>
    </>
  );
}

interface Listed<T> {
  rows: T[];
  empty: MessageKey;
  children: (each: T) => ComponentChildren;
}

function AccessRows<T extends { id: string }>({ rows, empty, children }: Listed<T>) {
  if (rows.length === 0) return <p class="faint">{t(empty)}</p>;
  return (
    <ul class="rows">
      {rows.map((each) => (
        <li class="row-card" key={each.id}>
          {children(each)}
        </li>
      ))}
    </ul>
  );
}

function Used({ at }: { at: string | null }) {
  if (!at) return <>{t("key.neverUsed")}</>;
  return (
    <>
      {t("session.used")} <Time at={at} />
    </>
  );
}

function SessionRows({
  of: person,
  onEnd,
  onEndAll,
}: {
  of: Person;
  onEnd: (id: string) => void;
  onEndAll: () => void;
}) {
  return (
    <>
      {person.sessions.length > 1 && (
        <div class="row row-end">
          <button type="button" class="button button-danger" onClick={onEndAll}>
            {t("people.endAll")}
          </button>
        </div>
      )}
      <AccessRows rows={person.sessions} empty="people.noSessions">
        {(each) => (
          <>
            <div class="row-main">
              <p title={each.device}>
                <b>{shortDeviceName(each.device) || each.device || t("session.unknown")}</b>{" "}
                {each.isCurrent && <Chip kind="chip-info">{t("session.current")}</Chip>}
              </p>
              <p class="faint">
                {t("session.since")} <Time at={each.createdAt} />
                {each.startedFrom && ` · ${each.startedFrom}`}
                {each.lastUsedAt && (
                  <>
                    {" · "}
                    <Used at={each.lastUsedAt} />
                  </>
                )}
              </p>
            </div>
            <button type="button" class="button" onClick={() => onEnd(each.id)}>
              {t("session.end")}
            </button>
          </>
        )}
      </AccessRows>
    </>
  );
}

function KeyRows({
  of: person,
  onSwitch,
  onDelete,
}: {
  of: Person;
  onSwitch: (id: string, isActive: boolean) => void;
  onDelete: (key: Person["keys"][number]) => void;
}) {
  return (
    <AccessRows rows={person.keys} empty="people.noKeys">
      {(each) => (
        <>
          <div class="row-main">
            <p>
              <b>{each.name}</b>{" "}
              <Chip kind={each.isActive ? "chip-success" : ""}>{t(each.isActive ? "key.on" : "key.off")}</Chip>
            </p>
            <p class="faint">
              <span class="mono">{each.keyPrefix}</span> · <Used at={each.lastUsedAt} />
              {each.expiresAt && (
                <>
                  {" · "}
                  {t("key.expires")} <Time at={each.expiresAt} />
                </>
              )}
            </p>
          </div>
          <div class="task-actions">
            {(each.isActive || person.active) && (
              <button type="button" class="button" onClick={() => onSwitch(each.id, !each.isActive)}>
                {t(each.isActive ? "key.disable" : "key.enable")}
              </button>
            )}
            <button type="button" class="button button-danger" onClick={() => onDelete(each)}>
              {t("delete")}
            </button>
          </div>
        </>
      )}
    </AccessRows>
  );
}

function TokenRows({ of: person, onSwitch }: { of: Person; onSwitch: (id: string, isActive: boolean) => void }) {
  return (
    <AccessRows rows={person.personalTokens} empty="people.noTokens">
      {(each) => {
        const isActive = each.status === "active";
        return (
          <>
            <div class="row-main">
              <p>
                <b>{each.label ?? each.integrator}</b>{" "}
                <Chip kind={isActive ? "chip-success" : ""}>{t(isActive ? "key.on" : "key.off")}</Chip>
              </p>
              <p class="faint">
                {each.integrator} · <Used at={each.lastUsedAt} />
              </p>
            </div>
            {(isActive || (each.status === "disabled" && person.active)) && (
              <button type="button" class="button" onClick={() => onSwitch(each.id, !isActive)}>
                {t(isActive ? "key.disable" : "key.enable")}
              </button>
            )}
          </>
        );
      }}
    </AccessRows>
  );
}
