import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { data, query } from "../lib/api";
import { t, valueLabel } from "../lib/i18n";
import { href, route, setParams } from "../lib/router";
import { fullTime } from "../lib/time";
import { useLoading } from "../ui/hooks";
import { Loaded } from "../ui/loaded";
import { Chip, EmptyState, ErrorState, Field, Skeleton, Time } from "../ui/parts";
import { type Resource, useResource } from "../ui/resource";
import { showError, showToast } from "../ui/toasts";
import type { Integrator } from "./admin-tokens";

interface Logged {
  deliveryId: string;
  eventId: string;
  eventType: string;
  integrator: string;
  severity: string;
  title: string;
  sentAt: string;
  fireCount: number;
  recipient: { id: string; email: string; name: string; active: boolean } | null;
  notArrived: string | null;
}

interface Callback {
  index: number;
  label: string;
  url: string;
  outcome: "pending" | "delivered" | "failed" | "gone";
  nextAttemptAt: string | null;
  requestBody: string;
  attempts: Array<{ at: string; status: number | null; error: string | null }>;
}

interface Entry extends Logged {
  steps: Array<{ step: string; at: string; index?: number; detail?: string; skipped?: string; nextAttemptAt?: string }>;
  callbacks: Callback[];
}

const PATH = "api/v2/operate/deliveries";
const DAYS = ["1", "7", "30"];
const OUTCOME_CHIPS = { delivered: "chip-success", pending: "chip-warn", failed: "chip-critical", gone: "" };
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The delivery log: a list with filters, or one delivery with its steps. */
export function DeliveryLog() {
  const { id } = route.value;
  return id ? <DeliverySteps key={id} id={id} /> : <LogList />;
}

function LogList() {
  const integrators = useResource(() => data<Integrator[]>("GET", "api/v2/operate/integrators"));
  return <Loaded resource={integrators}>{(known) => <LogOf integrators={known} />}</Loaded>;
}

function LogOf({ integrators }: { integrators: Integrator[] }) {
  const { params } = route.value;
  const [email, type, eventId, days] = ["email", "type", "event", "days"].map((name) => params.get(name) ?? "");
  const integrator = params.get("integrator") || integrators[0]?.slug || "";
  const rows = useSignal<Logged[]>([]);
  const next = useSignal<string | null>(null);
  const state = useSignal<"loading" | "ready" | { error: unknown }>("loading");
  const latestLoad = useRef(0);
  const load = async (cursor: string | null) => {
    const number = ++latestLoad.current;
    if (!cursor) state.value = "loading";
    const since = days ? new Date(Math.floor(Date.now() / 60_000) * 60_000 - Number(days) * 86_400_000) : null;
    const filters = { integrator, email, eventType: type, eventId, since: cursor ? sinceOf.current : since?.toISOString() };
    if (!cursor) sinceOf.current = since?.toISOString();
    try {
      const page = await data<{ items: Logged[]; nextCursor: string | null }>(
        "GET",
        query(PATH, { ...filters, limit: 50, cursor }),
      );
      if (number !== latestLoad.current) return;
      rows.value = cursor ? [...rows.value, ...page.items] : page.items;
      next.value = page.nextCursor;
      state.value = "ready";
    } catch (error) {
      if (number === latestLoad.current) state.value = { error };
    }
  };
  const sinceOf = useRef<string | undefined>(undefined);
  useLoading(() => (integrator ? load(null) : (state.value = "ready")), [integrator, email, type, eventId, days]);
  const shown = state.value;
  return (
    <>
      <form
        class="log-filters"
        key={[integrator, email, type, eventId, days].join(" ")}
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          const field = (name: string) => String(form.get(name) ?? "").trim();
          const id = field("event");
          // The id of a delivery leads to it, whatever the other filters are.
          if (UUID.test(id) && !field("email") && !field("type")) setParams({}, id.toLowerCase());
          else
            setParams({
              integrator: field("integrator"),
              email: field("email"),
              type: field("type"),
              event: id,
              days: field("days"),
            });
        }}
      >
        <Field label={t("admin.integrator")}>
          <select name="integrator" value={integrator} onChange={submitForm}>
            {integrators.map((each) => (
              <option value={each.slug} key={each.slug}>
                {each.name}
              </option>
            ))}
          </select>
        </Field>
        <Field label={t("log.email")}>
          <input name="email" type="email" defaultValue={email} autocomplete="off" />
        </Field>
        <Field label={t("log.id")}>
          <input name="event" defaultValue={eventId} maxLength={120} autocomplete="off" />
        </Field>
        <Field label={t("log.type")}>
          <input name="type" defaultValue={type} maxLength={60} autocomplete="off" />
        </Field>
        <Field label={t("log.time")}>
          <select name="days" value={days} onChange={submitForm}>
            <option value="">{t("log.anyTime")}</option>
            {DAYS.map((each) => (
              <option value={each} key={each}>
                {t("filter.days", { n: Number(each) })}
              </option>
            ))}
          </select>
        </Field>
        <button type="submit" class="button button-primary">
          {t("log.find")}
        </button>
      </form>
      {typeof shown === "object" ? (
        <ErrorState error={shown.error} onRetry={() => void load(null)} />
      ) : shown === "loading" ? (
        <Skeleton rows={8} />
      ) : rows.value.length === 0 && !next.value ? (
        <EmptyState icon="inbox" text={t("log.empty")} />
      ) : (
        <>
          <ul class="rows people-rows">
            {rows.value.map((each) => (
              <li key={each.deliveryId}>
                <a class="row-card" href={href("operate", each.deliveryId, params)}>
                  <div class="row-main">
                    <p dir="auto">
                      <b>{each.title}</b>
                    </p>
                    <p class="faint">
                      {each.recipient?.email ?? t("log.noRecipient")} · <span class="mono">{each.eventType}</span> ·{" "}
                      <Time at={each.sentAt} />
                    </p>
                  </div>
                  <Arrival of={each} />
                </a>
              </li>
            ))}
          </ul>
          <div class="end">
            {next.value ? (
              <button type="button" class="button" onClick={() => void load(next.value)}>
                {t("people.more")}
              </button>
            ) : (
              <span class="faint">{t("people.end")}</span>
            )}
          </div>
        </>
      )}
    </>
  );
}

const submitForm = (event: Event) => (event.currentTarget as HTMLSelectElement).form?.requestSubmit();

function Arrival({ of: { notArrived } }: { of: Logged }) {
  return notArrived ? (
    <Chip kind="chip-warn">{valueLabel("notArrived", notArrived)}</Chip>
  ) : (
    <Chip kind="chip-success">{t("log.arrived")}</Chip>
  );
}

function DeliverySteps({ id }: { id: string }) {
  const { params } = route.value;
  const resource = useResource(() => data<Entry>("GET", `${PATH}/${encodeURIComponent(id)}`));
  return (
    <>
      <p>
        <a href={href("operate", null, params)}>← {t("log.back")}</a>
      </p>
      <Loaded resource={resource}>{(entry) => <EntryDetail entry={entry} resource={resource} />}</Loaded>
    </>
  );
}

function EntryDetail({ entry, resource }: { entry: Entry; resource: Resource<Entry> }) {
  return (
    <article class="log-entry">
      <h2 dir="auto">{entry.title}</h2>
      <div class="chips">
        <Arrival of={entry} />
        <Chip>{valueLabel("severity", entry.severity)}</Chip>
        {entry.fireCount > 1 && <Chip>{t("log.sentTimes", { n: entry.fireCount })}</Chip>}
      </div>
      {entry.notArrived && <p class="note note-warn">{valueLabel("notArrivedWhy", entry.notArrived)}</p>}
      <dl class="log-facts">
        <dt>{t("log.email")}</dt>
        <dd>{entry.recipient ? `${entry.recipient.name} (${entry.recipient.email})` : t("log.noRecipient")}</dd>
        <dt>{t("log.type")}</dt>
        <dd class="mono">{entry.eventType}</dd>
        <dt>{t("log.eventId")}</dt>
        <dd class="mono">{entry.eventId}</dd>
        <dt>{t("log.deliveryId")}</dt>
        <dd class="mono">{entry.deliveryId}</dd>
      </dl>
      <h3>{t("log.steps")}</h3>
      <ol class="log-steps">
        {entry.steps.map((each, position) => (
          <li key={`${each.step} ${each.at} ${each.index} ${position}`}>
            <b>{valueLabel("step", each.step)}</b> <time dateTime={each.at}>{fullTime(each.at)}</time>
            {each.detail && (
              <span class="faint" dir="auto">
                {each.detail}
                {each.skipped && ` · ${valueLabel("skipped", each.skipped)}`}
              </span>
            )}
            {each.nextAttemptAt && (
              <span class="faint">
                {t("inbox.nextAttempt")} <time dateTime={each.nextAttemptAt}>{fullTime(each.nextAttemptAt)}</time>
              </span>
            )}
          </li>
        ))}
      </ol>
      {entry.callbacks.map((each) => (
        <CallbackDetail key={each.index} callback={each} entry={entry} resource={resource} />
      ))}
    </article>
  );
}

interface CallbackProps {
  callback: Callback;
  entry: Entry;
  resource: Resource<Entry>;
}

function CallbackDetail({ callback, entry, resource }: CallbackProps) {
  const resend = async () => {
    try {
      const value = await data<Entry>("POST", `${PATH}/${entry.deliveryId}/callbacks/${callback.index}/resend`);
      resource.state.value = { status: "ready", value };
      showToast(t("log.resent"));
    } catch (error) {
      showError(error);
    }
  };
  return (
    <section class="row-card log-callback" aria-label={t("log.callbackOf", { label: callback.label })}>
      <div class="row-main">
        <h3>{t("log.callbackOf", { label: callback.label })}</h3>
        <p class="faint mono">POST {callback.url}</p>
        {callback.nextAttemptAt && (
          <p class="faint">
            {t("inbox.nextAttempt")} <time dateTime={callback.nextAttemptAt}>{fullTime(callback.nextAttemptAt)}</time>
          </p>
        )}
      </div>
      <Chip kind={OUTCOME_CHIPS[callback.outcome]}>
        {valueLabel("outcome", callback.outcome)} · {t("inbox.attempts", { n: callback.attempts.length })}
      </Chip>
      <div class="task-actions">
        <button type="button" class="button" onClick={() => void resource.reload()}>
          {t("log.refresh")}
        </button>
        <button type="button" class="button" onClick={() => void resend()}>
          {t("log.resend")}
        </button>
      </div>
      <details>
        <summary>{t("log.request")}</summary>
        <pre tabIndex={0}>{callback.requestBody}</pre>
      </details>
    </section>
  );
}
