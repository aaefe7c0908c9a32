import { useSignal } from "@preact/signals";
import { call, data } from "../lib/api";
import { t, valueLabel } from "../lib/i18n";
import { FormDialog } from "../ui/form";
import { Loaded } from "../ui/loaded";
import { Chip, EmptyState, Field, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { showToast } from "../ui/toasts";

interface Offered {
  slug: string;
  name: string;
  type: string;
  description: string | null;
  category: string;
  url: string | null;
  applicationGuide: string | null;
  isPinned: boolean;
  approvalRequired: boolean;
  access: {
    status: "pending" | "approved" | "rejected" | "revoked";
    requestedAt: string;
    reviewedAt: string | null;
    note: string | null;
  } | null;
}

const CHIPS = { pending: "chip-warn", approved: "chip-success", rejected: "chip-critical", revoked: "" };
const FILTERS = ["all", "mine", "open"] as const;

const matches = (item: Offered, filter: string, typed: string): boolean =>
  (filter === "all" || (filter === "mine") === (item.access !== null)) &&
  `${item.name} ${item.description ?? ""} ${item.category}`.toLowerCase().includes(typed.trim().toLowerCase());

/** The access catalog: what one can apply for, and what became of it. */
export function Access() {
  const resource = useResource(() => data<Offered[]>("GET", "api/v2/catalog"));
  const typed = useSignal("");
  const filter = useSignal<string>("all");
  const applying = useSignal<Offered | null>(null);
  return (
    <>
      <p class="faint account-intro">{t("access.note")}</p>
      <div class="log-filters">
        <Field label={t("access.search")}>
          <input type="search" onInput={(event) => (typed.value = event.currentTarget.value)} autocomplete="off" />
        </Field>
        <Field label={t("access.show")}>
          <select value={filter.value} onChange={(event) => (filter.value = event.currentTarget.value)}>
            {FILTERS.map((each) => (
              <option value={each} key={each}>
                {t(`access.${each}`)}
              </option>
            ))}
          </select>
        </Field>
      </div>
      <Loaded resource={resource}>
        {(items) => {
          const found = items.filter((each) => matches(each, filter.value, typed.value));
          return found.length === 0 ? (
            <EmptyState icon="key" text={t(items.length ? "access.noMatches" : "access.empty")} />
          ) : (
            <ul class="rows">
              {found.map((each) => (
                <li class="row-card" key={each.slug}>
                  <Row item={each} onApply={() => (applying.value = each)} />
                </li>
              ))}
            </ul>
          );
        }}
      </Loaded>
      {applying.value && (
        <Apply item={applying.value} onClose={() => (applying.value = null)} onApplied={() => void resource.reload()} />
      )}
    </>
  );
}

function Row({ item, onApply }: { item: Offered; onApply: () => void }) {
  const { access, url } = item;
  const canApply = !access || access.status === "rejected" || access.status === "revoked";
  return (
    <>
      <div class="row-main">
        <p>
          <b dir="auto">{item.name}</b>
        </p>
        <p class="faint">
          {valueLabel("asset", item.type)}
          {item.category && ` · ${item.category}`}
        </p>
        {item.description && <p dir="auto">{item.description}</p>}
        {access && (
          <p class="faint">
            {t("access.requested")} <Time at={access.requestedAt} />
            {access.reviewedAt && (
              <>
                {" "}
                · {t("access.decided")} <Time at={access.reviewedAt} />
              </>
            )}
          </p>
        )}
        {url && /^https?:\/\//i.test(url) && access?.status === "approved" && (
          <p>
            <a href={url} target="_blank" rel="noopener noreferrer">
              {t("access.visit")}
            </a>
          </p>
        )}
      </div>
      <div class="chips">
        {item.isPinned && <Chip>{t("admin.pinned")}</Chip>}
        {access && <Chip kind={CHIPS[access.status]}>{valueLabel("approval", access.status)}</Chip>}
      </div>
      {canApply && (
        <div class="task-actions">
          <button type="button" class="button" aria-label={t("access.applyFor", { name: item.name })} onClick={onApply}>
            {t(access ? "access.applyAgain" : "access.apply")}
          </button>
        </div>
      )}
    </>
  );
}

interface ApplyProps {
  item: Offered;
  onClose: () => void;
  onApplied: () => void;
}

function Apply({ item, onClose, onApplied }: ApplyProps) {
  return (
    <FormDialog
      title={t("access.applyFor", { name: item.name })}
      draft={`access.${item.slug}`}
      action={t("access.apply")}
      onClose={onClose}
      onSend={async (field) => {
        const note = field("note");
        const body = { catalog_slug: item.slug, ...(note && { note }) };
        const made = await call<{ status: string }>("POST", "api/v1/catalog/requests", body);
        showToast(t(made.status === "approved" ? "access.granted" : "access.sent"));
        onApplied();
        onClose();
      }}
    >
      <p>{t(item.approvalRequired ? "access.reviewed" : "access.atOnce")}</p>
      {item.applicationGuide && (
        <p class="note" dir="auto">
          {item.applicationGuide}
        </p>
      )}
      <Field label={t("access.why")}>
        <textarea name="note" rows={3} maxLength={500} dir="auto" />
      </Field>
    </FormDialog>
  );
}
