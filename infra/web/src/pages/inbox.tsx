import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { valueLabel, t } from "../lib/i18n";
import {
  type Change,
  changeItem,
  cursor,
  filters,
  findItem,
  type Item,
  loadInbox,
  loadMoreInbox,
  openDelivery,
  openedDelivery,
  openId,
  inboxState,
  summary,
  VIEWS,
  visibleItems,
} from "../lib/inbox";
import { useShortcuts } from "../lib/shortcuts";
import { setParams, go, href, route } from "../lib/router";
import { snoozeChoices } from "../lib/snooze-times";
import { weekdayTime } from "../lib/time";
import { useDebounced, useReachedEnd } from "../ui/hooks";
import { Icon } from "../ui/icons";
import { Chip, Dialog, EmptyState, Skeleton, Tabs, Time, ErrorState } from "../ui/parts";
import { DeliveryPane } from "./delivery";

// Moving through the list with a key opens only the item where the user stops.
const OPEN_DELAY = 180;

export function Inbox() {
  const { id, params } = route.value;
  const snoozing = useSignal<string | null>(null);
  const search = useRef<HTMLInputElement>(null);
  const wantedFilters = {
    view: params.get("view") ?? "inbox",
    q: params.get("q") ?? "",
    severity: params.get("severity") ?? "",
    status: params.get("status") ?? "",
  };
  const settledId = useDebounced(id, OPEN_DELAY);

  useEffect(() => {
    filters.value = wantedFilters;
    void loadInbox();
  }, [wantedFilters.view, wantedFilters.q, wantedFilters.severity, wantedFilters.status]);
  useEffect(() => {
    openId.value = id;
    if (!id) openedDelivery.value = null;
  }, [id]);
  useEffect(() => {
    if (settledId && settledId === id) void openDelivery(settledId);
  }, [settledId, id]);

  const list = visibleItems.value;
  const show = (item: Item | undefined) => {
    if (!item) return;
    go(href("inbox", item.deliveryId, params), { replace: Boolean(id) });
    document.getElementById(`item-${item.deliveryId}`)?.scrollIntoView({ block: "nearest" });
  };
  const at = list.findIndex((each) => each.deliveryId === id);
  const changeCurrent = (toChange: (item: Item) => [Change, Parameters<typeof changeItem>[2]]) => {
    const item = id && findItem(id);
    if (item) changeAndLeave(item, ...toChange(item));
  };
  // When the open item leaves the list, open its neighbour.
  const changeAndLeave = (item: Item, changes: Change, done: Parameters<typeof changeItem>[2]) => {
    const next = list[at + 1] ?? list[at - 1];
    void changeItem(item.deliveryId, changes, done);
    if (item.deliveryId !== id || !(changes.archived || changes.snoozedUntil)) return;
    if (next && isWide()) show(next);
    else close();
  };
  const close = () => go(href("inbox", null, params), { replace: true });
  const archive = (item: Item): [Change, Parameters<typeof changeItem>[2]] =>
    item.archivedAt ? [{ archived: false }, "inbox.unarchived"] : [{ archived: true }, "inbox.archived"];
  const toggleRead = (item: Item): [Change, null] => [{ read: !item.readAt }, null];

  useShortcuts({
    j: () => show(list[at + 1] ?? list[at]),
    k: () => show(list[Math.max(0, at - 1)]),
    e: () => changeCurrent(archive),
    r: () => changeCurrent(toggleRead),
    s: () => {
      if (id) snoozing.value = id;
    },
    "/": () => search.current?.focus(),
    Escape: () => (id ? close() : false),
  });

  return (
    <section class={`split ${id ? "split-open" : ""}`} aria-label={t("page.inbox")}>
      <div class="split-list">
        <header class="head">
          <h1>{t("page.inbox")}</h1>
          {summary.value.urgent > 0 && (
            <Chip kind="chip-critical">{t("inbox.urgent", { n: summary.value.urgent })}</Chip>
          )}
        </header>
        <div class="tools">
          <label class="search">
            <Icon name="search" size={16} />
            <span class="hidden">{t("inbox.search")}</span>
            <SearchInput inner={search} value={wantedFilters.q} placeholder={t("inbox.search")} />
          </label>
          <Tabs
            label={t("inbox.view")}
            chosen={wantedFilters.view}
            onChoose={(view) => setParams({ view: view === "inbox" ? null : view }, null)}
            choices={VIEWS.map((view) => ({
              value: view,
              label: valueLabel("view", view),
              count: view === "unread" ? summary.value.unread : view === "snoozed" ? summary.value.snoozed : 0,
            }))}
          />
          <div class="filters">
            <select
              aria-label={t("inbox.severity")}
              value={wantedFilters.severity}
              onChange={(event) => setParams({ severity: event.currentTarget.value })}
            >
              <option value="">{t("inbox.anySeverity")}</option>
              {["critical", "warn", "info", "success"].map((each) => (
                <option value={each} key={each}>
                  {valueLabel("severity", each)}
                </option>
              ))}
            </select>
            <select
              aria-label={t("inbox.status")}
              value={wantedFilters.status}
              onChange={(event) => setParams({ status: event.currentTarget.value })}
            >
              <option value="">{t("inbox.anyStatus")}</option>
              <option value="open">{t("inbox.open")}</option>
              <option value="resolved">{t("inbox.resolved")}</option>
            </select>
          </div>
        </div>
        <List
          items={list}
          chosen={id}
          filtered={Boolean(wantedFilters.q || wantedFilters.severity || wantedFilters.status)}
        />
      </div>
      <div class="split-detail">
        {openedDelivery.value ? (
          <DeliveryPane
            opened={openedDelivery.value}
            onBack={close}
            onRetry={() => id && void openDelivery(id)}
            onArchive={() => changeCurrent(archive)}
            onToggleRead={() => changeCurrent(toggleRead)}
            onSnooze={() => (snoozing.value = id)}
          />
        ) : id ? (
          <Skeleton rows={3} kind="card" />
        ) : (
          <EmptyState icon="mailOpen" text={t("inbox.select")}>
            <p class="faint">
              <kbd>j</kbd> <kbd>k</kbd> {t("help.move")} · <kbd>e</kbd> {t("help.archive")} · <kbd>?</kbd>{" "}
              {t("help.title")}
            </p>
          </EmptyState>
        )}
      </div>
      {snoozing.value && (
        <SnoozeDialog
          item={findItem(snoozing.value)}
          onClose={() => (snoozing.value = null)}
          onChoose={(item, until) =>
            changeAndLeave(item, { snoozedUntil: until }, until ? "inbox.snoozed" : "inbox.unsnoozed")
          }
        />
      )}
    </section>
  );
}

const isWide = () => matchMedia("(min-width: 900px)").matches;

function SearchInput({
  inner,
  value,
  placeholder,
}: {
  inner: RefObject<HTMLInputElement | null>;
  value: string;
  placeholder: string;
}) {
  const timer = useRef(0);
  // A pending search must not run on the next page.
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <input
      ref={inner}
      type="search"
      class="search-input"
      placeholder={placeholder}
      defaultValue={value}
      maxLength={200}
      aria-keyshortcuts="/"
      onInput={(event) => {
        const text = event.currentTarget.value;
        clearTimeout(timer.current);
        timer.current = setTimeout(() => setParams({ q: text.trim() || null }), 300);
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") event.currentTarget.blur();
      }}
    />
  );
}

function List({ items, chosen, filtered }: { items: Item[]; chosen: string | null; filtered: boolean }) {
  const end = useReachedEnd(loadMoreInbox);
  const loadState = inboxState.value;
  if (typeof loadState === "object") return <ErrorState error={loadState.error} onRetry={() => void loadInbox()} />;
  if (loadState === "loading") return <Skeleton rows={8} />;
  if (!items.length && !cursor.value) {
    const view = filters.value.view;
    const text = filtered ? t("inbox.noMatches") : view === "inbox" ? t("inbox.empty") : t("inbox.emptyView");
    return <EmptyState icon={filtered ? "search" : "inbox"} text={text} />;
  }
  return (
    <div class="scroll">
      <ul class="items">
        {items.map((item) => (
          <Row key={item.deliveryId} item={item} chosen={item.deliveryId === chosen} />
        ))}
      </ul>
      <div class="end" ref={end}>
        {cursor.value ? (
          <button type="button" class="button" disabled={loadState === "more"} onClick={() => void loadMoreInbox()}>
            {loadState === "more" ? t("loading") : t("more")}
          </button>
        ) : (
          <span class="faint">{t("endOfList")}</span>
        )}
      </div>
    </div>
  );
}

function Row({ item, chosen }: { item: Item; chosen: boolean }) {
  return (
    <li>
      <a
        id={`item-${item.deliveryId}`}
        class={`item ${item.readAt ? "" : "item-unread"} ${item.resolvedAt ? "item-resolved" : ""}`}
        href={href("inbox", item.deliveryId, route.value.params)}
        aria-current={chosen ? "true" : undefined}
      >
        <span class={`severity severity-${item.severity} tone-${item.tone ?? "none"}`}>
          <Icon name={item.severity} size={18} label={valueLabel("severity", item.severity)} />
        </span>
        <span class="item-main">
          <span class="item-top">
            <span class="item-title">{item.title}</span>
            <span class="item-time">
              <Time at={item.occurredAt} />
            </span>
          </span>
          {item.summary && <span class="item-summary">{item.summary}</span>}
          <span class="item-foot">
            <span class="item-type">{item.eventType}</span>
            {item.fireCount > 1 && <Chip title={t("inbox.fireCount", { n: item.fireCount })}>×{item.fireCount}</Chip>}
            {item.resolvedAt && <Chip kind="chip-success">{t("inbox.resolved")}</Chip>}
            {item.externalStatus && !item.resolvedAt && <Chip>{valueLabel("external", item.externalStatus)}</Chip>}
            {item.snoozedUntil && Date.parse(item.snoozedUntil) > Date.now() && (
              <Chip>
                <Icon name="clock" size={12} /> {weekdayTime(item.snoozedUntil)}
              </Chip>
            )}
          </span>
        </span>
        {!item.readAt && <span class="dot" role="img" aria-label={t("inbox.unread")} />}
      </a>
    </li>
  );
}

interface SnoozeProps {
  item: Item | undefined;
  onClose: () => void;
  onChoose: (item: Item, until: string | null) => void;
}

function SnoozeDialog({ item, onClose, onChoose }: SnoozeProps) {
  if (!item) return null;
  const choose = (until: string | null) => {
    onClose();
    onChoose(item, until);
  };
  return (
    <Dialog title={t("snooze.title")} onClose={onClose}>
      <div class="choices">
        {snoozeChoices(new Date()).map(({ name, until }) => (
          <button type="button" class="choice" key={name} onClick={() => choose(until.toISOString())}>
            <span>{t(`snooze.${name}`)}</span>
            <span class="faint">{weekdayTime(until.toISOString())}</span>
          </button>
        ))}
        <form
          class="choice"
          onSubmit={(event) => {
            event.preventDefault();
            const until = new FormData(event.currentTarget).get("until");
            if (until) choose(new Date(String(until)).toISOString());
          }}
        >
          <input type="datetime-local" name="until" required aria-label={t("snooze.custom")} />
          <button type="submit" class="button">
            {t("snooze.set")}
          </button>
        </form>
        {item.snoozedUntil && (
          <button type="button" class="choice" onClick={() => choose(null)}>
            {t("snooze.end")}
          </button>
        )}
      </div>
    </Dialog>
  );
}
