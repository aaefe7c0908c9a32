import { useSignal } from "@preact/signals";
import { data, query } from "../lib/api";
import { t, valueLabel } from "../lib/i18n";
import { host } from "../lib/urls";
import { AskDialog, FormDialog } from "../ui/form";
import { Chip, EmptyState, Field, Time } from "../ui/parts";
import { type Resource, useResource } from "../ui/resource";
import { Loaded } from "../ui/loaded";
import { NewButton, Rows } from "../ui/rows";
import { Instances } from "./instances";

interface Origins {
  blocked: string[];
  suspended: string[];
}

interface Connection {
  id: string;
  userEmail: string;
  peerInstanceUrl: string;
  peerUserEmail: string;
  peerUserName: string | null;
  status: "pending" | "active" | "blocked" | "declined" | "expired";
  askedBy: "us" | "peer";
  verified: boolean;
  createdAt: string;
}

interface Person {
  id: string;
  name: string;
  email: string;
}

const ORIGINS = "api/v2/operate/origins";
const CONNECTIONS = "api/v2/operate/connections";

/** What operators can do about other desks: instances, blocked desks, and the connections of a person. */
export function OtherDesks() {
  const origins = useResource(() => data<Origins>("GET", ORIGINS));
  return (
    <>
      <h2>{t("network.instances")}</h2>
      <Instances onChanged={() => void origins.reload()} />
      <h2>{t("admin.blockedDesks")}</h2>
      <BlockedDesks resource={origins} />
      <h2>{t("admin.connectionsOf")}</h2>
      <PersonsConnections />
    </>
  );
}

function BlockedDesks({ resource }: { resource: Resource<Origins> }) {
  const asking = useSignal<{ unblock: string } | "block" | null>(null);
  const close = () => (asking.value = null);
  const change = async (action: "block" | "unblock", origin: string) => {
    await data("POST", `${ORIGINS}/${action}`, { origin });
    close();
    await resource.reload();
  };
  return (
    <>
      <NewButton label={t("admin.blockDesk")} onClick={() => (asking.value = "block")} />
      <Loaded resource={resource}>
        {({ blocked, suspended }) => {
          const known = [...new Set([...blocked, ...suspended])].sort();
          return known.length === 0 ? (
            <EmptyState icon="network" text={t("admin.noBlockedDesks")} />
          ) : (
            <ul class="rows">
              {known.map((origin) => (
                <li class="row-card" key={origin}>
                  <div class="row-main">
                    <b>{origin}</b>
                  </div>
                  <div class="chips">
                    {blocked.includes(origin) && <Chip kind="chip-critical">{t("admin.blocked")}</Chip>}
                    {suspended.includes(origin) && <Chip>{valueLabel("instance", "suspended")}</Chip>}
                  </div>
                  {blocked.includes(origin) && (
                    <div class="task-actions">
                      <button type="button" class="button" onClick={() => (asking.value = { unblock: origin })}>
                        {t("admin.unblock")}
                      </button>
                    </div>
                  )}
                </li>
              ))}
            </ul>
          );
        }}
      </Loaded>
      {asking.value === "block" && (
        <FormDialog
          title={t("admin.blockDesk")}
          draft="blocked-desk"
          action={t("admin.block")}
          destructive
          onClose={close}
          onSend={(field) => change("block", field("origin"))}
        >
          <Field label={t("admin.deskUrl")}>
            <input name="origin" type="url" required placeholder="https://desk.example.com" autoFocus />
          </Field>
          <p>{t("admin.blockEnds")}</p>
        </FormDialog>
      )}
      {asking.value !== null && asking.value !== "block" && (
        <AskDialog
          title={t("admin.unblockTitle", { origin: asking.value.unblock })}
          text={t("admin.unblockMeans")}
          action={t("admin.unblock")}
          onClose={close}
          onConfirm={((origin: string) => () => change("unblock", origin))(asking.value.unblock)}
        />
      )}
    </>
  );
}

function PersonsConnections() {
  const people = useResource(() => data<Person[]>("GET", "api/v2/operate/people"));
  const chosen = useSignal("");
  return (
    <Loaded resource={people}>
      {(rows) => (
        <>
          <div class="row">
            <Field label={t("admin.person")}>
              <select value={chosen.value} onChange={(event) => (chosen.value = event.currentTarget.value)}>
                <option value="">{t("admin.choosePerson")}</option>
                {rows.map((each) => (
                  <option value={each.id} key={each.id}>
                    {each.name} ({each.email})
                  </option>
                ))}
              </select>
            </Field>
          </div>
          {chosen.value && <ConnectionRows userId={chosen.value} key={chosen.value} />}
        </>
      )}
    </Loaded>
  );
}

function isAwaitingReply(connection: Connection): boolean {
  return connection.status === "pending" && connection.askedBy === "us";
}

function ConnectionRows({ userId }: { userId: string }) {
  const resource = useResource(() => data<Connection[]>("GET", query(CONNECTIONS, { userId })), [userId]);
  const removing = useSignal<Connection | null>(null);
  return (
    <>
      <Rows resource={resource} icon="network" emptyText={t("admin.noConnections")}>
        {(each) => (
          <>
            <div class="row-main">
              <p>
                <b>{each.peerUserName ?? each.peerUserEmail}</b>{" "}
                <span class="faint">{host(each.peerInstanceUrl)}</span>
              </p>
              <p class="faint">
                {each.peerUserEmail} · {each.peerInstanceUrl} · <Time at={each.createdAt} />
              </p>
            </div>
            <div class="chips">
              <Chip kind={each.status === "active" ? "chip-success" : ""}>
                {isAwaitingReply(each) ? t("network.awaitingReply") : valueLabel("connection", each.status)}
              </Chip>
              {!each.verified && !isAwaitingReply(each) && (
                <Chip kind="chip-warn" title={t("network.unconfirmedHint")}>
                  {t("network.unconfirmed")}
                </Chip>
              )}
            </div>
            <div class="task-actions">
              <button type="button" class="button button-danger" onClick={() => (removing.value = each)}>
                {t("admin.remove")}
              </button>
            </div>
          </>
        )}
      </Rows>
      {removing.value && (
        <AskDialog
          title={t("admin.removeConnection", { peer: removing.value.peerUserEmail })}
          text={t("admin.removeConnectionEnds", { owner: removing.value.userEmail })}
          action={t("admin.remove")}
          destructive
          onClose={() => (removing.value = null)}
          onConfirm={((id: string) => async () => {
            await data("DELETE", `${CONNECTIONS}/${id}`);
            removing.value = null;
            await resource.reload();
          })(removing.value.id)}
        />
      )}
    </>
  );
}
