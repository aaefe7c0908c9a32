import { useSignal } from "@preact/signals";
import { data, query } from "../lib/api";
import { type MessageKey, t } from "../lib/i18n";
import { href, route, setParams } from "../lib/router";
import { me, signOut } from "../lib/session";
import { AskDialog, FormDialog } from "../ui/form";
import { Icon } from "../ui/icons";
import { Avatar, Field, Tabs } from "../ui/parts";
import { Loaded } from "../ui/loaded";
import { useResource } from "../ui/resource";
import { showToast } from "../ui/toasts";
import { EMPLOYEES, LinkDialog, type SignInLink, States } from "./admin-people";
import type { Person } from "../lib/person";
import { SessionRows, KeyRows, TokenRows } from "./admin-person-access";
import { Overview } from "./admin-person-overview";

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
