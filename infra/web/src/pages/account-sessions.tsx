import { useSignal } from "@preact/signals";
import { data, query } from "../lib/api";
import { shortDeviceName } from "../lib/devices";
import { t } from "../lib/i18n";
import { signOut } from "../lib/session";
import { FormDialog } from "../ui/form";
import { Chip, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { Rows } from "../ui/rows";
import { showToast } from "../ui/toasts";

interface Session {
  id: string;
  isCurrent: boolean;
  device: string;
  createdAt: string;
  startedFrom: string | null;
  lastUsedAt: string | null;
  lastUsedFrom: string | null;
  endsAt: string;
}

const PATH = "api/v2/me/sessions";

/** The sessions of the signed-in person: where they are signed in. */
export function Sessions() {
  const resource = useResource(() => data<Session[]>("GET", PATH));
  const ending = useSignal<Session | "others" | null>(null);
  const remove = (isGone: (session: Session) => boolean) => {
    const state = resource.state.value;
    // The list is eventually consistent, so changes are applied here instead of reloading it.
    if (state.status === "ready")
      resource.state.value = { status: "ready", value: state.value.filter((each) => !isGone(each)) };
  };
  const end = async (which: Session | "others"): Promise<void> => {
    await data("DELETE", which === "others" ? PATH : query(PATH, { id: which.id }));
    if (which !== "others" && which.isCurrent) return signOut();
    remove((each) => (which === "others" ? !each.isCurrent : each.id === which.id));
    showToast(t(which === "others" ? "session.othersEnded" : "session.ended"));
  };
  const all = resource.state.value.status === "ready" ? resource.state.value.value : [];
  return (
    <>
      <div class="row account-intro">
        <p class="faint grow">{t("session.note")}</p>
        {all.length > 1 && (
          <button type="button" class="button" onClick={() => (ending.value = "others")}>
            {t("session.endOthers")}
          </button>
        )}
      </div>
      <Rows resource={resource} icon="key" emptyText={t("session.empty")}>
        {(each) => <Row of={each} onEnd={() => (ending.value = each)} />}
      </Rows>
      {ending.value && (
        <FormDialog
          title={ending.value === "others" ? t("session.endOthers") : t("session.endTitle")}
          action={t("session.end")}
          destructive
          onClose={() => (ending.value = null)}
          onSend={async () => {
            await end(ending.value!);
            ending.value = null;
          }}
        >
          <p>
            {ending.value === "others"
              ? t("session.endOthersEffect")
              : t(ending.value.isCurrent ? "session.endOwnEffect" : "session.endEffect", {
                  device: deviceName(ending.value.device),
                })}
          </p>
        </FormDialog>
      )}
    </>
  );
}

function Row({ of: session, onEnd }: { of: Session; onEnd: () => void }) {
  return (
    <>
      <div class="row-main">
        <span class="row-title" title={session.device}>
          {deviceName(session.device)} {session.isCurrent && <Chip kind="chip-info">{t("session.current")}</Chip>}
        </span>
        <p class="faint">
          {t("session.since")} <Time at={session.createdAt} />
          {session.startedFrom && ` · ${session.startedFrom}`}
          {session.lastUsedAt && (
            <>
              {" · "}
              {t("session.used")} <Time at={session.lastUsedAt} />
              {session.lastUsedFrom && session.lastUsedFrom !== session.startedFrom && ` · ${session.lastUsedFrom}`}
            </>
          )}
        </p>
      </div>
      <button type="button" class="button" onClick={onEnd}>
        {t("session.end")}
      </button>
    </>
  );
}

/** A short name for what a browser says that it is. */
function deviceName(userAgent: string): string {
  return shortDeviceName(userAgent) || userAgent || t("session.unknown");
}
