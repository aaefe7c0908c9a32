import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { data } from "../lib/api";
import { delegationChanges, loadDelegated, type Delegation, type Delegations as Both } from "../lib/delegations";
import { t } from "../lib/i18n";
import { me } from "../lib/session";
import { AskDialog, FormDialog } from "../ui/form";
import { Field, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { NewButton, Rows } from "../ui/rows";
import { showToast } from "../ui/toasts";

const PATH = "api/v2/delegations";
const DAY_MS = 86_400_000;

/** Who decides on the person's proposals, and on whose they decide. */
export function Delegations() {
  const resource = useResource(async () => {
    const { given, received } = await data<Both>("GET", PATH);
    return [...given, ...received];
  });
  const ending = useSignal<Delegation | null>(null);
  const isAdding = useSignal(false);
  const changes = delegationChanges.value;
  useEffect(() => {
    if (changes) void resource.reload();
  }, [changes]);
  return (
    <>
      <h2>{t("delegations.title")}</h2>
      <p class="faint account-intro">{t("delegations.note")}</p>
      <NewButton label={t("delegations.new")} onClick={() => (isAdding.value = true)} />
      <Rows resource={resource} icon="contacts" emptyText={t("delegations.empty")}>
        {(each) => (
          <>
            <div class="row-main">
              <p class="task-title">
                <bdi>{describe(each)}</bdi>
              </p>
              <p class="faint">
                {t("proposal.until")} <Time at={each.until} />
              </p>
            </div>
            <button type="button" class="button" onClick={() => (ending.value = each)}>
              {t("standing.end")}
            </button>
          </>
        )}
      </Rows>
      {isAdding.value && (
        <FormDialog
          title={t("delegations.new")}
          action={t("delegations.add")}
          draft="delegation"
          onClose={() => (isAdding.value = false)}
          onSend={async (field) => {
            const until = new Date(Date.now() + Number(field("days")) * DAY_MS).toISOString();
            await data("POST", PATH, { to: field("to"), until });
            isAdding.value = false;
            await resource.reload();
          }}
        >
          <p>{t("delegations.effect")}</p>
          <Field label={t("delegations.to")}>
            <input name="to" type="email" required maxLength={120} autocomplete="off" />
          </Field>
          <Field label={t("standing.days")}>
            <input type="number" name="days" required min={1} max={90} defaultValue="7" />
          </Field>
        </FormDialog>
      )}
      {ending.value && (
        <AskDialog
          title={t("delegations.end")}
          text={describe(ending.value)}
          action={t("standing.end")}
          destructive
          onClose={() => (ending.value = null)}
          onConfirm={async () => {
            await data("DELETE", `${PATH}/${ending.value!.id}`);
            ending.value = null;
            await resource.reload();
            void loadDelegated();
            showToast(t("delegations.ended"));
          }}
        />
      )}
    </>
  );
}

const describe = ({ delegator, delegate }: Delegation): string =>
  delegator.id === me.value!.id
    ? t("delegations.given", { name: delegate.name })
    : t("delegations.received", { name: delegator.name });
