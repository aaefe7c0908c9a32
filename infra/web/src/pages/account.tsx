import { t } from "../lib/i18n";
import { setParams, route } from "../lib/router";
import { me, usesSession } from "../lib/session";
import { LanguageSelect } from "../ui/language";
import { EmptyState, Tabs } from "../ui/parts";
import { Access } from "./account-access";
import { StandingApprovals } from "./account-approvals";
import { Browsers } from "./account-browsers";
import { Data } from "./account-data";
import { IngestAddresses } from "./account-ingest";
import { Integrations } from "./account-integrations";
import { Keys } from "./account-keys";
import { Notifications } from "./account-notifications";
import { Passkeys } from "./account-passkeys";
import { Profile } from "./account-profile";
import { SecurityLog } from "./account-security";
import { Sessions } from "./account-sessions";

const TABS = {
  keys: Keys,
  approvals: StandingApprovals,
  access: Access,
  integrations: Integrations,
  ingest: IngestAddresses,
  profile: Profile,
  notifications: Notifications,
  browsers: Browsers,
  passkeys: Passkeys,
  sessions: Sessions,
  security: SecurityLog,
  data: Data,
} as const;
type TabName = keyof typeof TABS;

/** The account page. Sessions are for who has signed in, and not with a key. */
export function Account() {
  const tab = route.value.params.get("tab") ?? "";
  const all = Object.keys(TABS) as TabName[];
  const names = all.filter((each) => each !== "sessions" || usesSession());
  const name = names.find((each) => each === tab) ?? "keys";
  const Tab = TABS[name];
  return (
    <section class="page account" aria-label={t("page.you")}>
      <header class="head">
        <h1>{t("page.you")}</h1>
        <p class="head-note">
          {me.value!.name} · {me.value!.email}
        </p>
        <LanguageSelect />
      </header>
      {me.value!.key.permissions === "all" ? (
        <>
          <Tabs
            label={t("page.you")}
            chosen={name}
            onChoose={(to) => setParams({ tab: to === "keys" ? null : to })}
            choices={names.map((each) => ({ value: each, label: t(`account.${each}`) }))}
          />
          <Tab />
        </>
      ) : (
        <EmptyState icon="key" text={t("account.limited")} />
      )}
    </section>
  );
}
