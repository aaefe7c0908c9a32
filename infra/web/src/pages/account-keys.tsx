import { useSignal } from "@preact/signals";
import { data, ApiError, query } from "../lib/api";
import { valueLabel, t } from "../lib/i18n";
import { removeSubscription, pushEnabled } from "../lib/push";
import { me, signOut } from "../lib/session";
import { now } from "../lib/time";
import { FormDialog } from "../ui/form";
import { Chip, Field, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { NewButton, Rows } from "../ui/rows";
import { CopyField, SecretDialog } from "../ui/secret";
import { showError, showToast } from "../ui/toasts";

interface Key {
  id: string;
  name: string;
  keyPrefix: string;
  permissions: "all" | string[];
  isActive: boolean;
  expiresAt: string | null;
  lastUsedAt: string | null;
  usageCount: number;
  createdAt: string;
}

type NewKey = Omit<Key, "isActive" | "lastUsedAt" | "usageCount"> & { key: string };

/** What is about to be ended, and how. */
interface Ending {
  key: Key;
  how: "disable" | "delete";
}

const PATH = "api/v2/keys";
// Those that open something; `a2a` and `mcp` by themselves open what every key does.
const AREAS = ["queue", "chat", "kanban", "contacts", "inbox"];
// What most agents need.
const USUAL = ["queue", "chat", "kanban"];
const DAYS = [7, 30, 90, 365];
const USUAL_DAYS = 90;

const isOwn = (key: Key): boolean => key.id === me.value?.key.id;
const isOver = (key: Key): boolean => key.expiresAt !== null && Date.parse(key.expiresAt) <= now.value;
const opensAll = (key: Key): boolean => key.permissions === "all" && key.isActive && !isOver(key);

export function Keys() {
  const read = useResource(() => data<Key[]>("GET", PATH));
  const making = useSignal(false);
  const made = useSignal<NewKey | null>(null);
  const ending = useSignal<Ending | null>(null);
  // The list learns of new keys and of deleted ones a moment later, so it isn't asked again for what is known here.
  const change = (to: (keys: Key[]) => Key[]) => {
    if (read.now.value.status === "ready") read.now.value = { status: "ready", value: to(read.now.value.value) };
  };
  const turn = async (key: Key, isActive: boolean): Promise<void> => {
    await data("PATCH", PATH, { id: key.id, isActive });
    change((keys) => keys.map((each) => (each.id === key.id ? { ...each, isActive } : each)));
  };
  const turnOrComplain = (key: Key, isActive: boolean, undo: (() => void) | null): void => {
    turn(key, isActive).then(() => showToast(t(isActive ? "key.enabled" : "key.disabled", { name: key.name }), undo), showError);
  };
  const end = async ({ key, how }: Ending): Promise<void> => {
    if (isOwn(key) && pushEnabled.value) await removeSubscription().catch(() => {});
    if (how === "disable") await turn(key, false);
    else await data("DELETE", query(PATH, { id: key.id }));
    if (isOwn(key)) signOut();
    if (how === "delete") change((keys) => keys.filter((each) => each.id !== key.id));
    showToast(t(how === "disable" ? "key.disabled" : "key.deleted", { name: key.name }));
  };
  const all = read.now.value.status === "ready" ? read.now.value.value : [];
  return (
    <>
      <div class="row you-intro">
        <p class="faint grow">{t("key.note")}</p>
        <NewButton label={t("key.new")} onClick={() => (making.value = true)} />
      </div>
      <Rows of={read} icon="key" none={t("key.empty")}>
        {(each) => (
          <Row
            of={each}
            onTurn={(on) => {
              if (on) turnOrComplain(each, true, null);
              else if (isOwn(each)) ending.value = { key: each, how: "disable" };
              else turnOrComplain(each, false, () => turnOrComplain(each, true, null));
            }}
            onDelete={() => (ending.value = { key: each, how: "delete" })}
          />
        )}
      </Rows>
      {making.value && (
        <MakeKey
          onClose={() => (making.value = false)}
          onMade={(key) => {
            making.value = false;
            made.value = key;
            change((keys) => [{ ...key, isActive: true, lastUsedAt: null, usageCount: 0 }, ...keys]);
          }}
        />
      )}
      {made.value && (
        <SecretDialog title={t("key.created")} note={t("key.once")} label={t("key.key")} secret={made.value.key} onClose={() => (made.value = null)}>
          <CopyField label={t("key.mcp")} text={mcpUrl()} />
          <p class="faint">{t("key.usage")}</p>
        </SecretDialog>
      )}
      {ending.value && (
        <End
          of={ending.value}
          isLast={opensAll(ending.value.key) && all.filter(opensAll).length === 1}
          onClose={() => (ending.value = null)}
          onSure={async (wanted) => {
            await end(wanted);
            ending.value = null;
          }}
        />
      )}
    </>
  );
}

/** Where agents that speak the Model Context Protocol find this desk. */
function mcpUrl(): string {
  const base = me.value?.urls.base;
  return base ? `${base}/mcp` : new URL("mcp", document.baseURI).href;
}

interface RowProps {
  of: Key;
  onTurn: (on: boolean) => void;
  onDelete: () => void;
}

function Row({ of: key, onTurn, onDelete }: RowProps) {
  const over = isOver(key);
  const state = over ? "expired" : key.isActive ? "on" : "off";
  return (
    <>
      <div class="row-main">
        <p>
          <b>{key.name}</b> <span class="mono faint">{key.keyPrefix}</span>
        </p>
        <p class="faint">
          {key.permissions === "all" ? t("key.all") : key.permissions.map((each) => valueLabel("area", each)).join(", ")}
          {" · "}
          {key.lastUsedAt ? (
            <>
              {t("admin.used", { n: key.usageCount })}, <Time at={key.lastUsedAt} />
            </>
          ) : (
            t("key.neverUsed")
          )}
          {" · "}
          {key.expiresAt ? (
            <>
              {t(over ? "key.expiredAt" : "key.expires")} <Time at={key.expiresAt} />
            </>
          ) : (
            t("key.neverExpires")
          )}
        </p>
      </div>
      <div class="chips">
        {isOwn(key) && <Chip kind="chip-info">{t("key.own")}</Chip>}
        <Chip kind={state === "on" ? "chip-success" : ""}>{t(`key.${state}`)}</Chip>
      </div>
      <div class="task-actions">
        {!over && (
          <button type="button" class="button" onClick={() => onTurn(!key.isActive)}>
            {t(key.isActive ? "key.disable" : "key.enable")}
          </button>
        )}
        <button type="button" class="button button-bad" onClick={onDelete}>
          {t("delete")}
        </button>
      </div>
    </>
  );
}

function MakeKey({ onClose, onMade }: { onClose: () => void; onMade: (key: NewKey) => void }) {
  const everything = useSignal(false);
  return (
    <FormDialog
      title={t("key.new")}
      action={t("key.create")}
      onClose={onClose}
      onSend={async (given, form) => {
        const areas = form.getAll("area");
        if (!everything.value && areas.length === 0) throw new ApiError(t("key.noArea"), 0);
        onMade(
          await data<NewKey>("POST", PATH, {
            name: given("name"),
            permissions: everything.value ? "all" : areas,
            ...(given("days") && { expiresInDays: Number(given("days")) }),
          }),
        );
      }}
    >
      <Field label={t("name")} hint={t("key.nameHint")}>
        <input name="name" required maxLength={100} autoFocus autocomplete="off" />
      </Field>
      <fieldset class="field">
        <legend class="field-label">{t("key.permissions")}</legend>
        {[true, false].map((all) => (
          <label class="check" key={String(all)}>
            <input type="radio" name="opens" checked={everything.value === all} onChange={() => (everything.value = all)} />
            <span>
              {t(all ? "key.all" : "key.some")}
              {all && <small class="field-hint">{t("key.allHint")}</small>}
            </span>
          </label>
        ))}
        {!everything.value && (
          <div class="areas">
            {AREAS.map((each) => (
              <label class="check" key={each}>
                <input type="checkbox" name="area" value={each} defaultChecked={USUAL.includes(each)} /> {valueLabel("area", each)}
              </label>
            ))}
          </div>
        )}
      </fieldset>
      <Field label={t("key.expiration")}>
        <select name="days" defaultValue={String(USUAL_DAYS)}>
          {DAYS.map((each) => (
            <option value={each} key={each} selected={each === USUAL_DAYS}>
              {t("key.forDays", { n: each })}
            </option>
          ))}
          <option value="">{t("key.noExpiration")}</option>
        </select>
      </Field>
    </FormDialog>
  );
}

interface EndProps {
  of: Ending;
  isLast: boolean;
  onClose: () => void;
  onSure: (ending: Ending) => Promise<void>;
}

/** Says what ends with a key. The one that the tab is signed in with takes a word more. */
function End({ of: ending, isLast, onClose, onSure }: EndProps) {
  const { key, how } = ending;
  return (
    <FormDialog
      title={t(`key.${how}Title`, { name: key.name })}
      action={t(how === "disable" ? "key.disable" : "delete")}
      final
      onClose={onClose}
      onSend={() => onSure(ending)}
    >
      <p>{t(`key.${how}Effect`)}</p>
      {isOwn(key) && <p class="note note-warn">{t("key.ownEffect")}</p>}
      {isLast && <p class="note note-warn">{t("key.lastEffect")}</p>}
      {(isOwn(key) || isLast) && (
        <label class="check">
          <input type="checkbox" required /> {t(isLast ? "key.lastConfirm" : "key.ownConfirm")}
        </label>
      )}
    </FormDialog>
  );
}
