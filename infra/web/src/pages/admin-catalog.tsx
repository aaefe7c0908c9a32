import { useSignal } from "@preact/signals";
import { data, query } from "../lib/api";
import { valueLabel, t } from "../lib/i18n";
import { setParams, route } from "../lib/router";
import { FormDialog, ConfirmButton } from "../ui/form";
import { Icon } from "../ui/icons";
import { Chip, EmptyState, Field, Tabs, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { ResourceSelect, EditableRows } from "../ui/rows";
import { Loaded } from "../ui/loaded";
import { showError, showToast } from "../ui/toasts";

interface Item {
  id: string;
  slug: string;
  name: string;
  type: string;
  description: string | null;
  category: string | null;
  categoryDisplay: string;
  url: string | null;
  is_pinned: boolean;
  approval_required: boolean;
  archived_at: string | null;
}

interface Approval {
  id: string;
  email: string;
  catalogSlug: string;
  status: "pending" | "approved" | "rejected" | "revoked";
  requestedAt: string;
  reviewedAt: string | null;
  reviewedByEmail: string | null;
}

const ITEMS = "api/v2/operate/catalog/items";
const APPROVALS = "api/v2/operate/catalog/approvals";
const TYPES = ["saas_account", "api_key", "server_access", "repo_access", "ai_server", "account_resource", "other"];

const readItems = async () =>
  (await data<{ items: Item[] }>("GET", query(ITEMS, { active_only: "false", limit: 200 }))).items;

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
              {valueLabel("asset", each.type)} · {each.categoryDisplay}
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

export function Approvals() {
  const status = route.value.params.get("status") ?? "";
  const assigning = useSignal(false);
  const cursor = useSignal<string | null>(null);
  const approvals = useSignal<Approval[]>([]);
  const page = (after: string | null) =>
    data<{ items: Approval[]; nextCursor: string | null }>(
      "GET",
      query(APPROVALS, { status, limit: 50, cursor: after }),
    );
  const resource = useResource(async () => {
    const first = await page(null);
    cursor.value = first.nextCursor;
    approvals.value = first.items;
    return null;
  }, [status]);
  const review = (approval: Approval, decision: string) =>
    resource.mutate(() => data("POST", `${APPROVALS}/review`, { requestId: approval.id, decision }));
  const more = async () => {
    try {
      const next = await page(cursor.value);
      cursor.value = next.nextCursor;
      approvals.value = [...approvals.value, ...next.items];
    } catch (error) {
      showError(error);
    }
  };
  return (
    <>
      <div class="row">
        <Tabs
          label={t("inbox.status")}
          chosen={status}
          onChoose={(to) => setParams({ status: to || null })}
          choices={["", "pending", "approved", "rejected", "revoked"].map((each) => ({
            value: each,
            label: valueLabel("approval", each || "all"),
          }))}
        />
        <span class="grow" />
        <button type="button" class="button button-primary" onClick={() => (assigning.value = true)}>
          <Icon name="plus" size={16} /> {t("admin.assign")}
        </button>
      </div>
      <Loaded resource={resource}>
        {() => (
          <>
            {approvals.value.length === 0 && <EmptyState icon="check" text={t("admin.noApprovals")} />}
            <ul class="rows">
              {approvals.value.map((each) => (
                <li class="row-card" key={each.id}>
                  <div class="row-main">
                    <p>
                      <b>{each.email}</b> <span class="mono faint">{each.catalogSlug}</span>
                    </p>
                    <p class="faint">
                      {t("admin.requested")} <Time at={each.requestedAt} />
                      {each.reviewedAt && (
                        <>
                          {" · "}
                          {each.reviewedByEmail} <Time at={each.reviewedAt} />
                        </>
                      )}
                    </p>
                  </div>
                  <Chip
                    kind={{ approved: "chip-success", pending: "chip-warn", rejected: "", revoked: "" }[each.status]}
                  >
                    {valueLabel("approval", each.status)}
                  </Chip>
                  <div class="task-actions">
                    {each.status === "pending" && (
                      <>
                        <button
                          type="button"
                          class="button button-primary"
                          onClick={() => void review(each, "approve")}
                        >
                          {t("queue.approve")}
                        </button>
                        <button type="button" class="button" onClick={() => void review(each, "reject")}>
                          {t("queue.reject")}
                        </button>
                      </>
                    )}
                    {each.status === "approved" && (
                      <ConfirmButton
                        label={t("admin.revoke")}
                        confirmLabel={t("admin.revokeConfirm")}
                        onConfirm={() =>
                          resource.mutate(() =>
                            data("DELETE", query(APPROVALS, { email: each.email, catalogSlug: each.catalogSlug })),
                          )
                        }
                      />
                    )}
                  </div>
                </li>
              ))}
            </ul>
            {cursor.value && (
              <div class="end">
                <button type="button" class="button" onClick={() => void more()}>
                  {t("more")}
                </button>
              </div>
            )}
          </>
        )}
      </Loaded>
      {assigning.value && (
        <AssignDialog
          onClose={() => (assigning.value = false)}
          onDone={() => {
            assigning.value = false;
            void resource.reload();
          }}
        />
      )}
    </>
  );
}

function AssignDialog({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const items = useResource(async () => (await readItems()).filter((each) => !each.archived_at));
  return (
    <FormDialog
      title={t("admin.assign")}
      draft="approval"
      action={t("admin.assign")}
      ready={items.state.value.status === "ready"}
      onClose={onClose}
      onSend={async (field) => {
        await data("POST", APPROVALS, { email: field("email"), catalogSlug: field("slug") });
        onDone();
      }}
    >
      <Field label={t("contacts.email")}>
        <input name="email" type="email" required autoFocus />
      </Field>
      <Field label={t("admin.item")}>
        <ResourceSelect resource={items} name="slug" value={(each) => each.slug} text={(each) => each.name} />
      </Field>
    </FormDialog>
  );
}
