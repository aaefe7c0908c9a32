import { useSignal } from "@preact/signals";
import { data } from "../lib/api";
import { t } from "../lib/i18n";
import { Delegations } from "./account-delegations";
import { textOf } from "../lib/proposals";
import { AskDialog } from "../ui/form";
import { Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { Rows } from "../ui/rows";
import { showToast } from "../ui/toasts";

interface Standing {
  id: string;
  tool: string;
  agent: string;
  createdAt: string;
  until: string;
  usesLeft: number;
  required: Record<string, unknown>;
  most: Record<string, number>;
}

const PATH = "api/v2/standing-approvals";

/** What the person's agents may do without asking. */
export function StandingApprovals() {
  const resource = useResource(async () => (await data<{ standingApprovals: Standing[] }>("GET", PATH)).standingApprovals);
  const ending = useSignal<Standing | null>(null);
  return (
    <>
      <h2>{t("standing.title")}</h2>
      <p class="faint account-intro">{t("standing.note")}</p>
      <Rows resource={resource} icon="check" emptyText={t("standing.empty")}>
        {(each) => <Row of={each} onEnd={() => (ending.value = each)} />}
      </Rows>
      {ending.value && (
        <AskDialog
          title={t("standing.end")}
          text={t("standing.endEffect", { agent: ending.value.agent, tool: ending.value.tool })}
          action={t("standing.end")}
          destructive
          onClose={() => (ending.value = null)}
          onConfirm={async () => {
            await data("DELETE", `${PATH}/${ending.value!.id}`);
            ending.value = null;
            await resource.reload();
            showToast(t("standing.ended"));
          }}
        />
      )}
      <Delegations />
    </>
  );
}

function Row({ of, onEnd }: { of: Standing; onEnd: () => void }) {
  const limits = [
    ...Object.entries(of.required).map(([name, value]) => `${name} = ${textOf(value)}`),
    ...Object.entries(of.most).map(([name, value]) => `${name} ≤ ${value}`),
  ];
  return (
    <>
      <div class="row-main">
        <p class="task-title" dir="auto">
          <code>{of.tool}</code> {of.agent}
        </p>
        {limits.map((each) => (
          <p class="task-text" dir="auto" key={each}>
            {each}
          </p>
        ))}
        <p class="faint">
          {t("standing.uses", { n: of.usesLeft })} · {t("proposal.until")} <Time at={of.until} />
        </p>
      </div>
      <button type="button" class="button" onClick={onEnd}>
        {t("standing.end")}
      </button>
    </>
  );
}
