import { Tabs } from "../ui/parts";
import { type MessageKey, t } from "../lib/i18n";
import { setParams, route } from "../lib/router";
import { Approvals, Catalog } from "./admin-catalog";
import { OtherDesks } from "./admin-desks";
import { Budgets, EventTypes } from "./admin-usage";
import { Callbacks, FailedMessages } from "./admin-queues";
import { Integrators, Tokens } from "./admin-tokens";

const TABS = {
  integrators: Integrators,
  tokens: Tokens,
  catalog: Catalog,
  approvals: Approvals,
  desks: OtherDesks,
  types: EventTypes,
  letters: FailedMessages,
  callbacks: Callbacks,
  budgets: Budgets,
} as const;

/** The admin page, for operators only. */
export function Admin() {
  const tab = route.value.params.get("tab") ?? "";
  const name = tab in TABS ? (tab as keyof typeof TABS) : "integrators";
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
        onChoose={(to) => setParams({ tab: to === "integrators" ? null : to })}
        choices={Object.keys(TABS).map((each) => ({ value: each, label: t(`admin.${each}` as MessageKey) }))}
      />
      <Tab />
    </section>
  );
}
