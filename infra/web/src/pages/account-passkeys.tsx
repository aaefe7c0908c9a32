import { useSignal } from "@preact/signals";
import { data, query } from "../lib/api";
import { shortDeviceName } from "../lib/devices";
import { t } from "../lib/i18n";
import { canHavePasskeys, createPasskey, hasPasskeys } from "../lib/passkeys";
import { FormDialog } from "../ui/form";
import { Chip, Field, IconButton, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { NewButton, Rows } from "../ui/rows";
import { showToast } from "../ui/toasts";

interface Passkey {
  id: string;
  name: string;
  transports: string[];
  isBackedUp: boolean;
  createdAt: string;
  lastUsedAt: string | null;
  countedBackAt: string | null;
}

const PATH = "api/v2/me/passkeys";
const LONGEST_NAME = 100;

/** The passkeys of the signed-in person: what they sign in with. */
export function Passkeys() {
  const resource = useResource(() => data<Passkey[]>("GET", PATH));
  const open = useSignal<"new" | { passkey: Passkey; how: "rename" | "remove" } | null>(null);
  const close = () => (open.value = null);
  const done = async (text: string): Promise<void> => {
    close();
    showToast(text);
    await resource.reload();
  };
  const state = resource.state.value;
  const isLast = state.status === "ready" && state.value.length === 1;
  return (
    <>
      <div class="row account-intro">
        <p class="faint grow">{t(hasPasskeys() ? "passkey.note" : canHavePasskeys() ? "passkey.unsupported" : "passkey.unnamed")}</p>
        {hasPasskeys() && <NewButton label={t("passkey.new")} onClick={() => (open.value = "new")} />}
      </div>
      <Rows resource={resource} icon="passkey" emptyText={t(hasPasskeys() ? "passkey.empty" : "passkey.none")}>
        {(each) => (
          <Row
            of={each}
            onRename={() => (open.value = { passkey: each, how: "rename" })}
            onRemove={() => (open.value = { passkey: each, how: "remove" })}
          />
        )}
      </Rows>
      {open.value === "new" && (
        <FormDialog title={t("passkey.new")} action={t("passkey.create")} onClose={close} onSend={async (field) => {
            const name = field("name");
            await data("POST", PATH, { name, credential: await createPasskey() });
            await done(t("passkey.added", { name }));
          }}>
          <p class="faint">{t("passkey.newNote")}</p>
          <NameField value={shortDeviceName(navigator.userAgent)} />
        </FormDialog>
      )}
      {open.value && open.value !== "new" && (
        <EditDialog of={open.value.passkey} how={open.value.how} isLast={isLast} onClose={close} onDone={done} />
      )}
    </>
  );
}

interface EditProps {
  of: Passkey;
  how: "rename" | "remove";
  /** Whether the person has no other passkey. */
  isLast: boolean;
  onClose: () => void;
  onDone: (text: string) => Promise<void>;
}

function EditDialog({ of: passkey, how, isLast, onClose, onDone }: EditProps) {
  if (how === "rename") {
    return (
      <FormDialog title={t("passkey.rename")} draft={`passkey.${passkey.id}`} action={t("save")} onClose={onClose} onSend={async (field) => {
          await data("PATCH", PATH, { id: passkey.id, name: field("name") });
          await onDone(t("passkey.renamed"));
        }}>
        <NameField value={passkey.name} />
      </FormDialog>
    );
  }
  return (
    <FormDialog title={t("passkey.removeTitle", { name: passkey.name })} action={t("passkey.remove")} destructive
      onClose={onClose} onSend={async () => {
        await data("DELETE", query(PATH, { id: passkey.id }));
        await onDone(t("passkey.removed", { name: passkey.name }));
      }}>
      <p>{t("passkey.removeEffect")}</p>
      {isLast && <p class="note note-warn">{t("passkey.removeLast")}</p>}
    </FormDialog>
  );
}

function NameField({ value }: { value: string }) {
  return (
    <Field label={t("passkey.name")} hint={t("passkey.nameHint")}>
      <input name="name" required maxLength={LONGEST_NAME} value={value} autocomplete="off" />
    </Field>
  );
}

function Row({ of: passkey, onRename, onRemove }: { of: Passkey; onRename: () => void; onRemove: () => void }) {
  return (
    <>
      <div class="row-main">
        <span class="row-title">
          {passkey.name} {passkey.isBackedUp && <Chip title={t("passkey.syncedNote")}>{t("passkey.synced")}</Chip>}
        </span>
        <p class="faint">
          {t("passkey.since")} <Time at={passkey.createdAt} />
          {" · "}
          {passkey.lastUsedAt ? (
            <>
              {t("session.used")} <Time at={passkey.lastUsedAt} />
            </>
          ) : (
            t("passkey.unused")
          )}
        </p>
        {passkey.countedBackAt && (
          <p class="note note-warn">
            {t("passkey.copied")} <Time at={passkey.countedBackAt} />
          </p>
        )}
      </div>
      <button type="button" class="button" onClick={onRename}>
        {t("passkey.rename")}
      </button>
      <IconButton icon="trash" label={t("passkey.removeNamed", { name: passkey.name })} onClick={onRemove} />
    </>
  );
}
