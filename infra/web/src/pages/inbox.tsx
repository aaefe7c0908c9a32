import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { collapsed, grouped, isGroup, keyOf } from "../lib/groups";
import { valueLabel, t } from "../lib/i18n";
import {
  filters,
  findItem,
  loadInbox,
  openDelivery,
  openedDelivery,
  openId,
  refreshInbox,
  VIEWS,
  visibleItems,
  withLabels,
} from "../lib/inbox";
import { type Change, filtersFrom, FILTERS, type Item } from "../lib/inbox-items";
import { summary } from "../lib/inbox-summary";
import { type BulkAction, changeItem, changeMany, resolveMany } from "../lib/inbox-changes";
import { useShortcuts } from "../lib/shortcuts";
import { setParams, go, href, route } from "../lib/router";
import {
  clearSelection,
  hasSelection,
  marked,
  selectAllMatching,
  selection,
  selectLoaded,
  selectThrough,
  toggleSelected,
} from "../lib/selection";
import { AskDialog } from "../ui/form";
import { useDebounced, useLoading } from "../ui/hooks";
import { Icon } from "../ui/icons";
import { Chip, EmptyState, Skeleton, Tabs } from "../ui/parts";
import { PullIndicator, useTouch } from "../ui/touch";
import type { VirtualControl } from "../ui/virtual-list";
import { DeliveryPane } from "./delivery";
import { FilterBar, isFiltered } from "./inbox-filters";
import { InboxList } from "./inbox-list";
import { SavedViews } from "./inbox-views";
import { SearchInput } from "./inbox-search";
import { focusRow, useScrollInAddress } from "./inbox-place";
import { SelectionBar } from "./selection-bar";
import { SnoozeDialog } from "./snooze-dialog";

// Moving through the list with a key opens only the item where the user stops.
const OPEN_DELAY = 180;

type Done = Parameters<typeof changeItem>[2];

export function Inbox() {
  const { id, params } = route.value;
  const snoozing = useSignal(false);
  // The row that was swiped to be snoozed.
  const swiped = useSignal<string | null>(null);
  const resolving = useSignal(false);
  const search = useRef<HTMLInputElement>(null);
  const control = useRef<VirtualControl | null>(null);
  const wanted = filtersFrom(params);
  const group = params.get("group") ?? "";
  const settledId = useDebounced(id, OPEN_DELAY);

  useLoading(() => {
    filters.value = wanted;
    withLabels.value = group === "label";
    clearSelection();
    void loadInbox();
  }, [...FILTERS.map((name) => wanted[name]), group === "label"]);
  useEffect(() => {
    openId.value = id;
    if (!id) openedDelivery.value = null;
  }, [id]);
  useEffect(() => {
    if (settledId && settledId === id) void openDelivery(settledId);
  }, [settledId, id]);

  const list = visibleItems.value;
  const entries = useMemo(() => grouped(list, group), [list, group, collapsed.value]);
  const shown = entries === list ? list : entries.filter((each): each is Item => !isGroup(each));
  const order = useMemo(() => shown.map((each) => each.deliveryId), [shown]);
  const onScroll = useScrollInAddress(entries, control);

  const scrollTo = (to: string) => control.current?.show(entries.findIndex((each) => keyOf(each) === to));
  const show = (item: Item | undefined) => {
    if (!item) return;
    go(href("inbox", item.deliveryId, params), { replace: Boolean(id) });
    scrollTo(item.deliveryId);
  };
  const mark = (at: number) => {
    marked.value = order[Math.max(0, Math.min(at, order.length - 1))] ?? null;
    if (marked.value) scrollTo(marked.value);
  };
  const at = order.indexOf((hasSelection.value && marked.value) || id || "");
  const move = (by: number) => {
    if (hasSelection.value) mark(at + by);
    else show(shown[at + by] ?? shown[at]);
  };
  const extend = (by: number) => {
    const to = order[Math.max(0, Math.min(at + by, order.length - 1))];
    if (!to) return;
    selectThrough(to, order, order[at] ?? null);
    scrollTo(to);
  };
  // When the open item leaves the list, open its neighbour.
  const changeAndLeave = (item: Item, changes: Change, done: Done) => {
    const next = shown[at + 1] ?? shown[at - 1];
    changeItem(item.deliveryId, changes, done);
    if (item.deliveryId !== id || !(changes.archived || changes.snoozedUntil)) return;
    if (next && isWide()) show(next);
    else close();
  };
  const changeSelected = (action: BulkAction, until?: string) => {
    const ids = selection.value.isAll ? null : [...selection.value.ids];
    clearSelection();
    void changeMany(action, ids, until);
  };
  const current = () => {
    const chosen = swiped.value ?? id;
    return chosen ? findItem(chosen) : undefined;
  };
  const close = () => {
    go(href("inbox", null, params), { replace: true });
    if (id) focusRow(id);
  };
  const isArchive = wanted.view !== "archived";
  const archive = () => {
    const item = current();
    if (hasSelection.value) changeSelected(isArchive ? "archive" : "unarchive");
    else if (item?.archivedAt) changeAndLeave(item, { archived: false }, "inbox.unarchived");
    else if (item) changeAndLeave(item, { archived: true }, "inbox.archived");
  };
  const toggleRead = () => {
    const item = current();
    const { ids, isAll } = selection.value;
    if (ids.size) changeSelected(isAll || list.some((each) => ids.has(each.deliveryId) && !each.readAt) ? "read" : "unread");
    else if (item) changeAndLeave(item, { read: !item.readAt }, null);
  };
  const snooze = (until: string | null) => {
    const item = current();
    if (hasSelection.value && !swiped.value) changeSelected(until ? "snooze" : "unsnooze", until ?? undefined);
    else if (item) changeAndLeave(item, { snoozedUntil: until }, until ? "inbox.snoozed" : "inbox.unsnoozed");
  };
  const touch = useTouch({
    right: {
      label: t(isArchive ? "inbox.archive" : "inbox.unarchive"),
      act: (row) => {
        const item = findItem(row);
        if (item) changeAndLeave(item, { archived: !item.archivedAt }, item.archivedAt ? "inbox.unarchived" : "inbox.archived");
      },
    },
    left: {
      label: t("inbox.snooze"),
      act: (row) => {
        swiped.value = row;
        snoozing.value = true;
      },
    },
    onRefresh: refreshInbox,
  });
  const askToResolve = () => {
    if (hasSelection.value) resolving.value = true;
  };
  const resolve = async () => {
    const ids = selection.value.isAll ? null : [...selection.value.ids];
    resolving.value = false;
    clearSelection();
    void resolveMany(ids);
  };
  const selectAll = () => {
    if (selection.value.ids.size >= order.length && order.length) selectAllMatching();
    else selectLoaded(order);
  };

  useShortcuts({
    j: () => move(1),
    k: () => move(-1),
    J: () => extend(1),
    K: () => extend(-1),
    ArrowDown: (event) => (event.shiftKey ? extend(1) : false),
    ArrowUp: (event) => (event.shiftKey ? extend(-1) : false),
    x: () => {
      const chosen = order[Math.max(0, at)];
      if (chosen) toggleSelected([chosen]);
    },
    a: selectAll,
    e: archive,
    r: toggleRead,
    R: askToResolve,
    s: () => {
      if (id || hasSelection.value) snoozing.value = true;
    },
    Enter: (event) => {
      if (!hasSelection.value || !marked.value || event.target !== document.body) return false;
      return show(findItem(marked.value));
    },
    "/": () => search.current?.focus(),
    Escape: () => (hasSelection.value ? clearSelection() : id ? close() : false),
  });

  return (
    <section class={`split ${id ? "split-open" : ""}`} aria-label={t("page.inbox")}>
      <div class="split-list" {...touch.handlers}>
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
            <SearchInput inner={search} value={wanted.q} placeholder={t("inbox.search")} />
          </label>
          <Tabs
            label={t("inbox.view")}
            chosen={wanted.view}
            onChoose={(view) => setParams({ view: view === "inbox" ? null : view, at: null }, null)}
            choices={VIEWS.map((view) => ({
              value: view,
              label: valueLabel("view", view),
              count: view === "unread" ? summary.value.unread : view === "snoozed" ? summary.value.snoozed : 0,
            }))}
          />
          <SavedViews filters={wanted} />
          <FilterBar filters={wanted} group={group} />
        </div>
        <SelectionBar
          order={order}
          isArchive={isArchive}
          onArchive={archive}
          onToggleRead={toggleRead}
          onSnooze={() => (snoozing.value = true)}
          onResolve={askToResolve}
        />
        <PullIndicator pull={touch.pull} distance={touch.distance} />
        <InboxList
          entries={entries}
          chosen={id}
          filtered={isFiltered(wanted)}
          control={control}
          onScroll={onScroll}
          onSelectThrough={(to) => selectThrough(to, order, id)}
        />
      </div>
      <div class="split-detail">
        {openedDelivery.value ? (
          <DeliveryPane
            opened={openedDelivery.value}
            onBack={close}
            onRetry={() => id && void openDelivery(id)}
            onArchive={archive}
            onToggleRead={toggleRead}
            onSnooze={() => (snoozing.value = true)}
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
      {resolving.value && (
        <AskDialog
          title={selection.value.isAll ? t("resolve.titleAll") : t("resolve.title", { n: selection.value.ids.size })}
          text={t("resolve.text")}
          action={t("select.resolve")}
          destructive
          onClose={() => (resolving.value = false)}
          onConfirm={resolve}
        />
      )}
      {snoozing.value && (
        <SnoozeDialog
          isSnoozed={hasSelection.value && !swiped.value ? wanted.view === "snoozed" : Boolean(current()?.snoozedUntil)}
          onClose={() => {
            snoozing.value = false;
            swiped.value = null;
          }}
          onChoose={snooze}
        />
      )}
    </section>
  );
}

const isWide = () => matchMedia("(min-width: 900px)").matches;
