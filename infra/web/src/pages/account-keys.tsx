import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { data, query } from "../lib/api";
import { listText, t, valueLabel } from "../lib/i18n";
import { type LiveEvent, subscribe } from "../lib/live";
import { removeSubscription, pushEnabled } from "../lib/push";
import { me, signOut, usesSession } from "../lib/session";
import { Chip, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { NewButton, Rows } from "../ui/rows";
import { CopyField, SecretDialog } from "../ui/secret";
import { showError, showToast } from "../ui/toasts";
import { type Key, type NewKey, KEYS, isOwn, isExpired, hasFullAccess } from "../lib/keys";
import { type PendingEnd, NewKeyDialog, EndKeyDialog } from "./account-key-dialogs";

export function Keys() {
  const resource = useResource(() => data<Key[]>("GET", KEYS));
  const creating = useSignal(false);
  const created = useSignal<NewKey | null>(null);
  const pendingEnd = useSignal<PendingEnd | null>(null);
  // The list is eventually consistent, so changes are applied here instead of reloading it.
  const change = (to: (keys: Key[]) => Key[]) => {
    if (resource.state.value.status === "ready")
      resource.state.value = { status: "ready", value: to(resource.state.value.value) };
  };
  const add = (key: Key) => change((keys) => (keys.some((each) => each.id === key.id) ? keys : [key, ...keys]));
  useEffect(() => subscribe((event) => event.type === "key_created" && add(event.key as Key)), []);
  const setActive = async (key: Key, isActive: boolean): Promise<void> => {
    await data("PATCH", KEYS, { id: key.id, isActive });
    change((keys) => keys.map((each) => (each.id === key.id ? { ...each, isActive } : each)));
  };
  const setActiveOrShowError = (key: Key, isActive: boolean, undo: (() => void) | null): void => {
    setActive(key, isActive).then(
      () => showToast(t(isActive ? "key.enabled" : "key.disabled", { name: key.name }), undo),
      showError,
    );
  };
  const end = async ({ key, how }: PendingEnd): Promise<void> => {
    if (isOwn(key) && pushEnabled.value) await removeSubscription().catch(() => {});
    if (how === "disable") await setActive(key, false);
    else await data("DELETE", query(KEYS, { id: key.id }));
    if (isOwn(key)) signOut();
    if (how === "delete") change((keys) => keys.filter((each) => each.id !== key.id));
    showToast(t(how === "disable" ? "key.disabled" : "key.deleted", { name: key.name }));
  };
  const all = resource.state.value.status === "ready" ? resource.state.value.value : [];
  return (
    <>
      <div class="row account-intro">
        <p class="faint grow">{t("key.note")}</p>
        <NewButton label={t("key.new")} onClick={() => (creating.value = true)} />
      </div>
      <Rows resource={resource} icon="key" emptyText={t("key.empty")}>
        {(each) => (
          <Row
            of={each}
            maker={all.find((other) => other.id === each.createdBy)?.name ?? null}
            onToggle={(on) => {
              if (on) setActiveOrShowError(each, true, null);
              else if (isOwn(each)) pendingEnd.value = { key: each, how: "disable" };
              else setActiveOrShowError(each, false, () => setActiveOrShowError(each, true, null));
            }}
            onDelete={() => (pendingEnd.value = { key: each, how: "delete" })}
          />
        )}
      </Rows>
      {creating.value && (
        <NewKeyDialog
          onClose={() => (creating.value = false)}
          onCreated={(key) => {
            creating.value = false;
            created.value = key;
            const { key: _, ...shown } = key;
            const createdBy = usesSession() ? null : me.value!.key.id;
            add({ ...shown, isActive: true, lastUsedAt: null, lastUsedFrom: null, usageCount: 0, createdBy });
          }}
        />
      )}
      {created.value && (
        <SecretDialog
          title={t("key.created")}
          note={t("key.once")}
          label={t("key.key")}
          secret={created.value.key}
          onClose={() => (created.value = null)}
        >
          <CopyField label={t("key.mcp")} text={mcpUrl()} />
          <p class="faint">{t("key.usage")}</p>
        </SecretDialog>
      )}
      {pendingEnd.value && (
        <EndKeyDialog
          of={pendingEnd.value}
          isLast={hasFullAccess(pendingEnd.value.key) && all.filter(hasFullAccess).length === 1}
          onClose={() => (pendingEnd.value = null)}
          onConfirm={async (confirmed) => {
            await end(confirmed);
            pendingEnd.value = null;
          }}
        />
      )}
    </>
  );
}

/** Return the URL of this desk's MCP server. */
function mcpUrl(): string {
  const base = me.value?.urls.base;
  return base ? `${base}/mcp` : new URL("mcp", document.baseURI).href;
}

interface RowProps {
  of: Key;
  /** The name of the key that created this one, if it still exists. */
  maker: string | null;
  onToggle: (on: boolean) => void;
  onDelete: () => void;
}

function Row({ of: key, maker, onToggle, onDelete }: RowProps) {
  const expired = isExpired(key);
  const state = expired ? "expired" : key.isActive ? "on" : "off";
  return (
    <>
      <div class="row-main">
        <p>
          <b>{key.name}</b> <span class="mono faint">{key.keyPrefix}</span>
        </p>
        <p class="faint">
          {key.permissions === "all"
            ? t("key.all")
            : listText(key.permissions.map((each) => valueLabel("area", each)))}
          {" · "}
          {key.lastUsedAt ? (
            <>
              {t("admin.used", { n: key.usageCount })} · <Time at={key.lastUsedAt} />
              {key.lastUsedFrom && ` ${t("key.from", { address: key.lastUsedFrom })}`}
            </>
          ) : (
            t("key.neverUsed")
          )}
          {" · "}
          {key.expiresAt ? (
            <>
              {t(expired ? "key.expiredAt" : "key.expires")} <Time at={key.expiresAt} />
            </>
          ) : (
            t("key.neverExpires")
          )}
          {maker && ` · ${t("key.madeBy", { name: maker })}`}
        </p>
      </div>
      <div class="chips">
        {isOwn(key) && <Chip kind="chip-info">{t("key.own")}</Chip>}
        <Chip kind={state === "on" ? "chip-success" : ""}>{t(`key.${state}`)}</Chip>
      </div>
      <div class="task-actions">
        {!expired && (
          <button type="button" class="button" onClick={() => onToggle(!key.isActive)}>
            {t(key.isActive ? "key.disable" : "key.enable")}
          </button>
        )}
        <button type="button" class="button button-danger" onClick={onDelete}>
          {t("delete")}
        </button>
      </div>
    </>
  );
}

/** Tell of keys that were created elsewhere, so that nobody creates one unseen. */
export function handleKeyEvent(event: LiveEvent): void {
  if (event.type !== "key_created") return;
  const created = event.key as Key;
  if (created.createdBy !== me.value?.key.id) showToast(t("key.createdElsewhere", { name: created.name }));
}
