import { useSignal } from "@preact/signals";
import { call, data, query } from "../lib/api";
import { valueLabel, t } from "../lib/i18n";
import { setParams, route } from "../lib/router";
import { me } from "../lib/session";
import { fullTime } from "../lib/time";
import { Icon } from "../ui/icons";
import { Avatar, Chip, EmptyState, Tabs, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { Loaded } from "../ui/loaded";
import { JsonFields, RemoteOrigin } from "../ui/remote";
import { Connections } from "./connections";
import { Instances } from "./instances";

interface Relay {
  id: string;
  connectionId: string;
  direction: "inbound" | "outbound";
  type: string;
  intent: string;
  subject: string;
  payload: string | null;
  priority: string;
  status: string;
  peerInstanceUrl: string;
  peerUserEmail: string;
  responsePayload: string | null;
  verified?: boolean;
  dispatch?: "queued" | "retrying" | "sent" | "filtered" | "parked" | "expired";
  tries?: number;
  error?: string;
  createdAt: string;
  updatedAt: string;
}

interface DiscoverResult {
  profiles?: {
    items: Array<{
      id: string;
      name: string;
      headline: string | null;
      currentTitle: string | null;
      hasProfile: boolean;
    }>;
    total: number;
  };
  teams?: {
    items: Array<{ id: string; name: string; description: string | null; memberCount: number }>;
    total: number;
  };
  agents?: {
    items: Array<{
      id: string;
      name: string;
      description: string;
      category: string;
      developerName: string | null;
      developerUrl: string | null;
    }>;
    total: number;
  };
  networkStats: { users: number; teams: number; agents: number; federatedInstances: number };
}

interface Health {
  ok: boolean;
  version: string;
  serverTime: string;
}

const TABS = ["connections", "relays", "directory", "instances"] as const;

export function Network() {
  const tab = route.value.params.get("tab") ?? "connections";
  return (
    <section class="page" aria-label={t("page.network")}>
      <header class="head">
        <h1>{t("page.network")}</h1>
        <p class="head-note">{t("network.note")}</p>
      </header>
      <DeskStats />
      <Tabs
        label={t("page.network")}
        chosen={tab}
        onChoose={(to) => setParams({ tab: to === "connections" ? null : to })}
        choices={TABS.filter((each) => each !== "instances" || me.value?.operator).map((each) => ({
          value: each,
          label: t(`network.${each}`),
        }))}
      />
      {tab === "relays" ? (
        <Relays />
      ) : tab === "directory" ? (
        <Directory />
      ) : tab === "instances" ? (
        <Instances />
      ) : (
        <Connections />
      )}
    </section>
  );
}

/** The health of this desk, and the size of its network. */
function DeskStats() {
  const resource = useResource(async () => {
    const [health, result] = await Promise.all([
      call<Health>("GET", "api/v1/health"),
      call<DiscoverResult>("GET", query("api/v2/network/discover", { type: "stats", limit: 1 })),
    ]);
    return { health, stats: result.networkStats };
  });
  return (
    <Loaded resource={resource}>
      {({ health, stats }) => (
        <dl class="stats">
          <div class="stat">
            <dt>{t("network.desk")}</dt>
            <dd>
              <Chip kind={health.ok ? "chip-success" : "chip-critical"}>
                <Icon name={health.ok ? "success" : "critical"} size={14} />{" "}
                {t(health.ok ? "network.healthy" : "network.unhealthy")}
              </Chip>
              <span class="faint">{health.version}</span>
            </dd>
          </div>
          {(["federatedInstances", "users", "teams", "agents"] as const).map((each) => (
            <div class="stat" key={each}>
              <dt>{t(`network.${each}`)}</dt>
              <dd>
                <b>{stats[each]}</b>
              </dd>
            </div>
          ))}
        </dl>
      )}
    </Loaded>
  );
}

function Relays() {
  const direction = route.value.params.get("direction") ?? "";
  const limit = useSignal(50);
  const resource = useResource(
    () =>
      data<{ relays: Relay[]; pagination: { total: number; hasMore: boolean } }>(
        "GET",
        query("api/v2/relays", { direction, limit: limit.value }),
      ),
    [direction, limit.value],
  );
  return (
    <>
      <Tabs
        label={t("network.direction")}
        chosen={direction}
        onChoose={(to) => setParams({ direction: to || null })}
        choices={["", "inbound", "outbound"].map((each) => ({
          value: each,
          label: t(`network.${each || "all"}` as "network.all"),
        }))}
      />
      <Loaded resource={resource}>
        {({ relays, pagination }) =>
          relays.length === 0 ? (
            <EmptyState icon="send" text={t("network.noRelays")} />
          ) : (
            <>
              <ul class="rows">
                {relays.map((each) => (
                  <RelayRow relay={each} key={each.id} />
                ))}
              </ul>
              <div class="end">
                {pagination.hasMore && limit.value < 100 ? (
                  <button type="button" class="button" onClick={() => (limit.value = 100)}>
                    {t("more")}
                  </button>
                ) : (
                  <span class="faint">{t("endOfList")}</span>
                )}
              </div>
            </>
          )
        }
      </Loaded>
    </>
  );
}

function RelayRow({ relay }: { relay: Relay }) {
  const isBad = relay.dispatch === "parked" || relay.dispatch === "expired";
  return (
    <li>
      <details class="row-card">
        <summary>
          <Chip>{t(`network.${relay.direction}`)}</Chip>
          <span class="row-main">
            <b>
              <bdi>{relay.subject || valueLabel("intent", relay.intent)}</bdi>
            </b>{" "}
            <span class="faint">
              <RemoteOrigin {...originOf(relay)} /> · <Time at={relay.createdAt} />
            </span>
          </span>
          <span class="chips">
            <Chip kind={relay.status === "completed" ? "chip-success" : ""}>{valueLabel("relay", relay.status)}</Chip>
            {relay.dispatch && (
              <Chip kind={isBad ? "chip-critical" : relay.dispatch === "retrying" ? "chip-warn" : ""}>
                {valueLabel("dispatch", relay.dispatch)}
                {relay.tries ? ` · ${t("network.attempts", { n: relay.tries })}` : ""}
              </Chip>
            )}
          </span>
        </summary>
        <dl class="facts">
          <dt>{t("network.intent")}</dt>
          <dd>
            {valueLabel("intent", relay.intent)} ({relay.type}), {valueLabel("relayPriority", relay.priority)}
          </dd>
          {relay.error && (
            <>
              <dt>{t("network.error")}</dt>
              <dd class="error">{relay.error}</dd>
            </>
          )}
          <dt>{t("network.updated")}</dt>
          <dd>{fullTime(relay.updatedAt)}</dd>
          <dt>{t("network.payload")}</dt>
          <dd>
            <JsonFields text={relay.payload} />
          </dd>
          {relay.responsePayload && (
            <>
              <dt>{t("network.response")}</dt>
              <dd>
                <JsonFields text={relay.responsePayload} />
              </dd>
            </>
          )}
        </dl>
      </details>
    </li>
  );
}

function Directory() {
  const q = useSignal("");
  const resource = useResource(
    () => call<DiscoverResult>("GET", query("api/v2/network/discover", { q: q.value, limit: 50 })),
    [q.value],
  );
  return (
    <>
      <form
        class="row directory-search"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          q.value = String(new FormData(event.currentTarget).get("q")).trim();
        }}
      >
        <input
          class="grow"
          name="q"
          type="search"
          maxLength={200}
          placeholder={t("network.find")}
          aria-label={t("network.find")}
        />
        <button type="submit" class="button">
          <Icon name="search" size={16} /> {t("network.search")}
        </button>
      </form>
      <Loaded resource={resource}>
        {({ profiles, teams, agents }) => {
          const groups = [
            [
              "agents",
              (agents?.items ?? []).map((each) => ({ ...each, line: each.description, by: each.developerName })),
            ],
            [
              "people",
              (profiles?.items ?? []).map((each) => ({ ...each, line: each.headline ?? each.currentTitle, by: null })),
            ],
            [
              "teams",
              (teams?.items ?? []).map((each) => ({
                ...each,
                line: each.description,
                by: t("network.members", { n: each.memberCount }),
              })),
            ],
          ] as const;
          if (groups.every(([, rows]) => rows.length === 0))
            return <EmptyState icon="search" text={t("network.noMatches")} />;
          return groups.map(
            ([name, rows]) =>
              rows.length > 0 && (
                <section key={name}>
                  <h2>{t(`network.${name}`)}</h2>
                  <ul class="rows">
                    {rows.map((each) => (
                      <li class="row-card" key={each.id}>
                        <Avatar name={each.name} agent={name === "agents"} />
                        <div class="row-main">
                          <p>
                            <b>{each.name}</b> {each.by && <span class="faint">{each.by}</span>}
                          </p>
                          {each.line && <p class="faint">{each.line}</p>}
                        </div>
                      </li>
                    ))}
                  </ul>
                </section>
              ),
          );
        }}
      </Loaded>
    </>
  );
}

/** Return who asks. The sender's name is as the connection has it, whatever the payload says. */
function originOf(relay: Relay): { name: string | null; email: string; url: string; verified?: boolean } {
  const inbound = relay.direction === "inbound";
  let name: string | null = null;
  try {
    const { _sender } = JSON.parse(relay.payload ?? "{}") as { _sender?: { name?: string } };
    if (inbound) name = _sender?.name ?? null;
  } catch {
    // A payload that is no JSON has no sender.
  }
  const verified = inbound ? { verified: relay.verified ?? false } : {};
  return { name, email: relay.peerUserEmail, url: relay.peerInstanceUrl, ...verified };
}
