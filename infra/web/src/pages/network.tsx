import { call, query } from "../lib/api";
import { t } from "../lib/i18n";
import { setParams, route } from "../lib/router";
import { me } from "../lib/session";
import { Icon } from "../ui/icons";
import { Chip, Tabs } from "../ui/parts";
import { useResource } from "../ui/resource";
import { Loaded } from "../ui/loaded";
import { Connections } from "./connections";
import { Instances } from "./instances";
import { Relays } from "./relays";
import { type DiscoverResult, Directory } from "./directory";

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
