import { useSignal } from "@preact/signals";
import { call, query } from "../lib/api";
import { t } from "../lib/i18n";
import { Icon } from "../ui/icons";
import { Avatar, EmptyState } from "../ui/parts";
import { useResource } from "../ui/resource";
import { Loaded } from "../ui/loaded";

export interface DiscoverResult {
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

/** A search for people, teams and agents of this desk. */
export function Directory() {
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
