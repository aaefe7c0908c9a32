import { useSignal } from "@preact/signals";
import { data } from "../lib/api";
import { t, valueLabel } from "../lib/i18n";
import { FormDialog } from "../ui/form";
import { Chip, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { Rows } from "../ui/rows";
import { showError, showToast } from "../ui/toasts";

interface Integration {
  id: string;
  label: string | null;
  integrator: string;
  status: "active" | "disabled" | "revoked" | "expired";
  disabledBy: "employee" | "admin" | null;
  createdAt: string;
  lastUsedAt: string | null;
  usageCount: number;
  dailyLimit: number;
  severityCeiling: string | null;
  moderated: boolean;
  supersededUntil: string | null;
  expiresAt: string | null;
}

const PATH = "api/v2/me/integrations";

const nameOf = (integration: Integration): string => integration.label ?? integration.integrator;

/** The integrations of the signed-in person: the tokens with which integrators publish to them. */
export function Integrations() {
  const resource = useResource(() => data<Integration[]>("GET", PATH));
  const ending = useSignal<Integration | null>(null);
  const setActive = async (integration: Integration, isActive: boolean): Promise<void> => {
    await data("PATCH", `${PATH}/${integration.id}`, { isActive });
    showToast(t(isActive ? "key.enabled" : "key.disabled", { name: nameOf(integration) }));
    // The list is read consistently once a token is in it, so it shows the new state.
    resource.reload();
  };
  return (
    <>
      <p class="faint account-intro">{t("integration.note")}</p>
      <Rows resource={resource} icon="key" emptyText={t("integration.empty")}>
        {(each) => (
          <Row
            of={each}
            onDisable={() => (ending.value = each)}
            onEnable={() => void setActive(each, true).catch(showError)}
          />
        )}
      </Rows>
      {ending.value && (
        <FormDialog
          title={t("key.disableTitle", { name: nameOf(ending.value) })}
          action={t("key.disable")}
          destructive
          onClose={() => (ending.value = null)}
          onSend={async () => {
            await setActive(ending.value!, false);
            ending.value = null;
          }}
        >
          <p>{t("integration.disableEffect")}</p>
        </FormDialog>
      )}
    </>
  );
}

interface RowProps {
  of: Integration;
  onDisable: () => void;
  onEnable: () => void;
}

function Row({ of: integration, onDisable, onEnable }: RowProps) {
  const { status, disabledBy } = integration;
  return (
    <>
      <div class="row-main">
        <p>
          <b>{nameOf(integration)}</b>{" "}
          {integration.label && <span class="mono faint">{integration.integrator}</span>}
        </p>
        <p class="faint">
          {t("integration.daily", { n: integration.dailyLimit })}
          {integration.severityCeiling &&
            ` · ${t("integration.ceiling", { severity: valueLabel("severity", integration.severityCeiling) })}`}
          {integration.moderated && ` · ${t("integration.moderated")}`}
        </p>
        <p class="faint">
          {t("integration.created")} <Time at={integration.createdAt} />
          {" · "}
          {integration.lastUsedAt ? (
            <>
              {t("integration.lastUsed")} <Time at={integration.lastUsedAt} />
            </>
          ) : (
            t("key.neverUsed")
          )}
          {integration.supersededUntil && (
            <>
              {" · "}
              {t("integration.superseded")} <Time at={integration.supersededUntil} />
            </>
          )}
          {integration.expiresAt && (
            <>
              {" · "}
              {t(status === "expired" ? "key.expiredAt" : "key.expires")} <Time at={integration.expiresAt} />
            </>
          )}
        </p>
      </div>
      <div class="chips">
        <Chip kind={status === "active" ? "chip-success" : ""}>
          {disabledBy === "admin" ? t("integration.byAdmin") : valueLabel("integrationStatus", status)}
        </Chip>
      </div>
      <div class="task-actions">
        {status === "active" && (
          <button type="button" class="button button-danger" onClick={onDisable}>
            {t("key.disable")}
          </button>
        )}
        {disabledBy === "employee" && (
          <button type="button" class="button" onClick={onEnable}>
            {t("key.enable")}
          </button>
        )}
      </div>
    </>
  );
}
