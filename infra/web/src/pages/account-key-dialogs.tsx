import { useSignal } from "@preact/signals";
import { data, ApiError } from "../lib/api";
import { t, valueLabel } from "../lib/i18n";
import { FormDialog } from "../ui/form";
import { Field } from "../ui/parts";
import { type Key, type NewKey, KEYS, isOwn } from "../lib/keys";

/** A key that the user is about to disable or delete. */
export interface PendingEnd {
  key: Key;
  how: "disable" | "delete";
}

// Every key can use A2A and MCP, so the areas `a2a` and `mcp` are not offered.
const AREAS = ["queue", "chat", "kanban", "contacts", "inbox"];

// Most agents need these.
const DEFAULT_AREAS = ["queue", "chat", "kanban"];

const DAYS = [7, 30, 90, 365];
const DEFAULT_DAYS = 90;

/** The dialog that creates a key, for chosen areas unless the user asks for all. */
export function NewKeyDialog({ onClose, onCreated }: { onClose: () => void; onCreated: (key: NewKey) => void }) {
  const everything = useSignal(false);
  return (
    <FormDialog
      title={t("key.new")}
      draft="key"
      action={t("key.create")}
      onClose={onClose}
      onSend={async (field, form) => {
        const areas = form.getAll("area");
        if (!everything.value && areas.length === 0) throw new ApiError(t("key.noArea"), 0);
        onCreated(
          await data<NewKey>("POST", KEYS, {
            name: field("name"),
            permissions: everything.value ? "all" : areas,
            ...(field("days") && { expiresInDays: Number(field("days")) }),
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
            <input
              type="radio"
              name="opens"
              value={all ? "all" : "some"}
              checked={everything.value === all}
              onChange={() => (everything.value = all)}
            />
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
                <input type="checkbox" name="area" value={each} defaultChecked={DEFAULT_AREAS.includes(each)} />{" "}
                {valueLabel("area", each)}
              </label>
            ))}
          </div>
        )}
      </fieldset>
      <Field label={t("key.expiration")}>
        <select name="days" defaultValue={String(DEFAULT_DAYS)}>
          {DAYS.map((each) => (
            <option value={each} key={each} selected={each === DEFAULT_DAYS}>
              {t("key.forDays", { n: each })}
            </option>
          ))}
          <option value="">{t("key.noExpiration")}</option>
        </select>
      </Field>
    </FormDialog>
  );
}

interface EndKeyProps {
  of: PendingEnd;
  isLast: boolean;
  onClose: () => void;
  onConfirm: (pendingEnd: PendingEnd) => Promise<void>;
}

/** Confirm disabling or deleting a key. The key of this tab, and the last one with full access, need a checkbox too. */
export function EndKeyDialog({ of: pendingEnd, isLast, onClose, onConfirm }: EndKeyProps) {
  const { key, how } = pendingEnd;
  return (
    <FormDialog
      title={t(`key.${how}Title`, { name: key.name })}
      action={t(how === "disable" ? "key.disable" : "delete")}
      destructive
      onClose={onClose}
      onSend={() => onConfirm(pendingEnd)}
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
