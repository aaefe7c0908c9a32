import { data, query } from "../lib/api";
import { valueLabel, t } from "../lib/i18n";
import { FormDialog, ConfirmButton } from "../ui/form";
import { Chip, Field } from "../ui/parts";
import { useResource } from "../ui/resource";
import { EditableRows } from "../ui/rows";
import { showToast } from "../ui/toasts";
import { type Item, ITEMS, readItems } from "../lib/catalog";

const TYPES = ["saas_account", "api_key", "server_access", "repo_access", "ai_server", "account_resource", "other"];

export function Catalog() {
  const resource = useResource(readItems);
  const remove = (item: Item, hard: boolean) =>
    resource.mutate(async () => {
      await data("DELETE", query(`${ITEMS}/${encodeURIComponent(item.slug)}`, { hard: String(hard) }));
      showToast(t(hard ? "admin.removed" : "inbox.archived"));
    });
  return (
    <EditableRows
      resource={resource}
      icon="operate"
      emptyText={t("admin.noItems")}
      add={t("admin.newItem")}
      dialog={(item, onClose, onSaved) => <EditItem item={item} onClose={onClose} onSaved={onSaved} />}
    >
      {(each, edit) => (
        <>
          <div class="row-main">
            <p>
              <b>{each.name}</b> <span class="mono faint">{each.slug}</span>
            </p>
            <p class="faint">
              {[valueLabel("asset", each.type), each.categoryDisplay].filter(Boolean).join(" · ")}
              {each.description && <> · {each.description}</>}
            </p>
          </div>
          <div class="chips">
            {each.is_pinned && <Chip>{t("admin.pinned")}</Chip>}
            {each.approval_required && <Chip>{t("admin.approvalRequired")}</Chip>}
            {each.archived_at && <Chip>{valueLabel("view", "archived")}</Chip>}
          </div>
          <div class="task-actions">
            <button type="button" class="button" onClick={edit}>
              {t("edit")}
            </button>
            {each.archived_at ? (
              <ConfirmButton
                label={t("delete")}
                confirmLabel={t("deleteConfirm")}
                onConfirm={() => remove(each, true)}
              />
            ) : (
              <ConfirmButton
                label={t("inbox.archive")}
                confirmLabel={t("admin.archiveConfirm")}
                onConfirm={() => remove(each, false)}
              />
            )}
          </div>
        </>
      )}
    </EditableRows>
  );
}

function EditItem({ item, onClose, onSaved }: { item: Item | null; onClose: () => void; onSaved: () => void }) {
  return (
    <FormDialog
      title={item?.name ?? t("admin.newItem")}
      draft={`item.${item?.slug ?? "new"}`}
      action={t("save")}
      onClose={onClose}
      onSend={async (field, form) => {
        const body = {
          name: field("name"),
          description: field("description") || null,
          category: field("category") || null,
          url: field("url") || null,
          is_pinned: form.has("pinned"),
          approval_required: form.has("approval"),
        };
        if (item) await data("PATCH", `${ITEMS}/${encodeURIComponent(item.slug)}`, body);
        else await data("POST", ITEMS, { ...body, slug: field("slug"), type: field("type") });
        onSaved();
      }}
    >
      {!item && (
        <>
          <Field label={t("admin.slug")}>
            <input name="slug" required maxLength={80} autoFocus autocomplete="off" />
          </Field>
          <Field label={t("admin.kind")}>
            <select name="type">
              {TYPES.map((each) => (
                <option value={each} key={each}>
                  {valueLabel("asset", each)}
                </option>
              ))}
            </select>
          </Field>
        </>
      )}
      <Field label={t("name")}>
        <input name="name" required defaultValue={item?.name ?? ""} />
      </Field>
      <Field label={t("board.description")}>
        <textarea name="description" rows={3} defaultValue={item?.description ?? ""} />
      </Field>
      <Field label={t("admin.category")}>
        <input name="category" defaultValue={item?.category ?? ""} />
      </Field>
      <Field label={t("admin.url")}>
        <input name="url" inputMode="url" placeholder="https://" defaultValue={item?.url ?? ""} />
      </Field>
      <label class="check">
        <input type="checkbox" name="approval" defaultChecked={item?.approval_required ?? true} />{" "}
        {t("admin.approvalRequired")}
      </label>
      <label class="check">
        <input type="checkbox" name="pinned" defaultChecked={item?.is_pinned ?? false} /> {t("admin.pinned")}
      </label>
    </FormDialog>
  );
}
