import { Tabs } from "../ui/parts";
import { type MessageKey, t } from "../lib/i18n";
import { go, href, route } from "../lib/router";
import { AuditLog } from "./admin-audit";
import { Approvals } from "./admin-approvals";
import { Catalog } from "./admin-catalog";
import { DeliveryLog } from "./admin-deliveries";
import { OtherDesks } from "./admin-desks";
import { Budgets, EventTypes } from "./admin-usage";
import { Callbacks, FailedMessages } from "./admin-queues";
import { People } from "./admin-people";
import { Integrators, Tokens } from "./admin-tokens";

const TABS = {
  people: People,
  integrators: Integrators,
  tokens: Tokens,
  catalog: Catalog,
  approvals: Approvals,
  log: DeliveryLog,
  desks: OtherDesks,
  types: EventTypes,
  letters: FailedMessages,
  callbacks: Callbacks,
  budgets: Budgets,
  audit: AuditLog,
} as const;

const FIRST = "people";

/** The admin page, for operators only. */
export function Admin() {
  const tab = route.value.params.get("tab") ?? "";
  const name = tab in TABS ? (tab as keyof typeof TABS) : FIRST;
  const Tab = TABS[name];
  return (
    <section class="page" aria-label={t("page.operate")}>
      <header class="head">
        <h1>{t("page.operate")}</h1>
        <p class="head-note">{t("admin.note")}</p>
      </header>
      <Tabs
        label={t("page.operate")}
        chosen={name}
        onChoose={(to) => go(href("operate", null, new URLSearchParams(to === FIRST ? "" : { tab: to })), { replace: true })}
        choices={Object.keys(TABS).map((each) => ({ value: each, label: t(`admin.${each}` as MessageKey) }))}
      />
      <Tab />
    </section>
  );
}
