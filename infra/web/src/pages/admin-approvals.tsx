import { useSignal } from "@preact/signals";
import { data, query } from "../lib/api";
import { valueLabel, t } from "../lib/i18n";
import { setParams, route } from "../lib/router";
import { FormDialog, ConfirmButton } from "../ui/form";
import { Icon } from "../ui/icons";
import { Chip, EmptyState, Field, Tabs, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { ResourceSelect } from "../ui/rows";
import { Loaded } from "../ui/loaded";
import { showError } from "../ui/toasts";
import { readItems } from "../lib/catalog";

interface Approval {
  id: string;
  email: string;
  catalogSlug: string;
  status: "pending" | "approved" | "rejected" | "revoked";
  requestedAt: string;
  reviewedAt: string | null;
  reviewedByEmail: string | null;
}

const APPROVALS = "api/v2/operate/catalog/approvals";

/** Who asked for access to an item of the catalog, and what was decided. */
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
