import { useSignal } from "@preact/signals";
import { data, ApiError } from "../lib/api";
import { valueLabel, t } from "../lib/i18n";
import { AskDialog } from "../ui/form";
import { Chip, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { Rows } from "../ui/rows";
import { showError } from "../ui/toasts";

interface Instance {
  id: string;
  name: string;
  baseUrl: string;
  status: "pending" | "active" | "suspended";
  version: string | null;
  health: string | null;
  registeredAt: string;
  lastSeenAt: string | null;
}

const PATH = "api/v2/operate/instances";

/** The instances that have registered with this desk, for operators only. */
export function Instances({ onChanged }: { onChanged?: () => void }) {
  const resource = useResource(() => data<Instance[]>("GET", PATH));
  // An instance that could not prove its identity. An operator may approve it anyway.
  const unverified = useSignal<{ id: string; reason: string } | null>(null);
  const asking = useSignal<{ instance: Instance; action: "suspend" | "remove" } | null>(null);
  const close = () => (asking.value = null);
  const carryOut = async ({ instance, action }: { instance: Instance; action: "suspend" | "remove" }) => {
    await (action === "suspend"
      ? data("POST", `${PATH}/${instance.id}/suspend`)
      : data("DELETE", `${PATH}/${instance.id}`));
    close();
    await resource.reload();
    onChanged?.();
  };
  const approve = async (instance: Instance, withoutChallenge: boolean) => {
    try {
      await data("POST", `${PATH}/${instance.id}/approve`, { withoutChallenge });
      unverified.value = null;
      await resource.reload();
      onChanged?.();
    } catch (error) {
      if (error instanceof ApiError && error.status === 403 && !withoutChallenge) {
        unverified.value = { id: instance.id, reason: error.message };
      } else {
        showError(error);
      }
    }
  };
  return (
    <>
      <Rows resource={resource} icon="network" emptyText={t("network.noInstances")}>
        {(each) => (
          <>
            <div class="row-main">
              <p>
                <b>{each.name}</b> <span class="faint">{each.version}</span>
              </p>
              <p class="faint">
                {each.baseUrl} ·{" "}
                {each.lastSeenAt ? (
                  <>
                    {t("network.lastSeen")} <Time at={each.lastSeenAt} />
                  </>
                ) : (
                  t("network.neverSeen")
                )}
              </p>
              {unverified.value?.id === each.id && (
                <p class="error" role="alert">
                  {t("network.unverified", { reason: unverified.value.reason })}
                </p>
              )}
            </div>
            <div class="chips">
              <Chip kind={{ active: "chip-success", pending: "chip-warn", suspended: "" }[each.status]}>
                {valueLabel("instance", each.status)}
              </Chip>
              {each.health && (
                <Chip kind={each.health === "ok" ? "chip-success" : "chip-warn"}>
                  {valueLabel("health", each.health)}
                </Chip>
              )}
            </div>
            <div class="task-actions">
              {each.status !== "active" && (
                <button
                  type="button"
                  class="button button-primary"
                  onClick={() => void approve(each, unverified.value?.id === each.id)}
                >
                  {t(unverified.value?.id === each.id ? "network.approveUnverified" : "network.approve")}
                </button>
              )}
              {each.status === "active" && (
                <button
                  type="button"
                  class="button button-danger"
                  onClick={() => (asking.value = { instance: each, action: "suspend" })}
                >
                  {t("network.suspend")}
                </button>
              )}
              {each.status !== "active" && (
                <button
                  type="button"
                  class="button button-danger"
                  onClick={() => (asking.value = { instance: each, action: "remove" })}
                >
                  {t("admin.remove")}
                </button>
              )}
            </div>
          </>
        )}
      </Rows>
      {asking.value && (
        <AskDialog
          title={t(`network.${asking.value.action}Instance`, { name: asking.value.instance.name })}
          text={t(
            asking.value.action === "suspend"
              ? "network.suspendEnds"
              : asking.value.instance.status === "suspended"
                ? "network.removeSuspendedEnds"
                : "network.removeEnds",
          )}
          action={t(asking.value.action === "suspend" ? "network.suspend" : "admin.remove")}
          destructive
          onClose={close}
          onConfirm={((asked: { instance: Instance; action: "suspend" | "remove" }) => () => carryOut(asked))(
            asking.value,
          )}
        />
      )}
    </>
  );
}
