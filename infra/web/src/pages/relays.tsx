import { useSignal } from "@preact/signals";
import { data, query } from "../lib/api";
import { valueLabel, t } from "../lib/i18n";
import { setParams, route } from "../lib/router";
import { fullTime } from "../lib/time";
import { Chip, EmptyState, Tabs, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { Loaded } from "../ui/loaded";
import { JsonFields, RemoteOrigin } from "../ui/remote";

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

/** The messages between this desk's users and people of other desks. */
export function Relays() {
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
