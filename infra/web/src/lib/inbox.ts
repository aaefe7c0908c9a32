import { computed, signal } from "@preact/signals";
import { showError } from "../ui/toasts";
import { call, ApiError, query, serverTime } from "./api";
import { t } from "./i18n";
import type { LiveEvent } from "./live";
import { EventBuffer } from "./event-buffer";
import { lastFire } from "./fires";
import { type Action, type Change, type Delivery, type Filters, filtersFrom, type Item, type Outcome } from "./inbox-items";
import { matchesFilters, matchesSearch, matchesView } from "./inbox-matching";
import { refreshSummary, summary } from "./inbox-summary";

interface Page {
  items: Item[];
  nextCursor: string | null;
}

export const VIEWS = ["inbox", "unread", "snoozed", "archived", "all"] as const;

export const PATH = "api/v1/inbox";
const CACHE_SIZE = 60;

const DAY_MS = 86_400_000;

export const filters = signal<Filters>(filtersFrom(new URLSearchParams()));
/** Whether the list also has labels, which costs the desk more. */
export const withLabels = signal(false);
const items = signal<Item[]>([]);
/** Ids of items that arrived above what the user reads. */
export const arrived = signal<ReadonlySet<string>>(new Set());
// The desk's time when the list was read, or when the last item came.
let listedAt = "";
export const cursor = signal<string | null>(null);
export const inboxState = signal<"loading" | "ready" | "more" | { error: unknown }>("loading");
/** The id of the open delivery. It stays in the list of unread deliveries while it is open. */
export const openId = signal<string | null>(null);
export const openedDelivery = signal<{ id: string; delivery?: Delivery; error?: unknown } | null>(null);

/** The items that match the filters now. Archived and snoozed items stay loaded, so that undo restores them. */
export const visibleItems = computed(() => items.value.filter((each) => matchesFilters(each, filters.value, openId.value)));

const cache = new Map<string, Delivery>();
let latestLoad = 0;

/** Return the filters as the desk names them. */
function apiFilters(): Record<string, string> {
  const { view, q, severity, status, type, integrator, label, days } = filters.value;
  const since = Number(days) > 0 ? new Date(Date.now() - Number(days) * DAY_MS).toISOString() : "";
  const named = { view, q, severity, status, event_type: type, integrator, label, since };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value));
}

/** Return the filter of a bulk change: everything that matches and was there when the list was read. */
export function filterForBulk(): Record<string, string> {
  return { ...apiFilters(), before: listedAt || new Date().toISOString() };
}

function pagePath(after: string | null): string {
  const labels = withLabels.value ? "true" : "";
  return query(PATH, { ...apiFilters(), labels, limit: 100, cursor: after });
}

/** Load the list from the start. */
export async function loadInbox(): Promise<void> {
  const loadNumber = ++latestLoad;
  inboxState.value = "loading";
  items.value = [];
  arrived.value = new Set();
  cursor.value = null;
  await readInto(loadNumber, null);
}

/** Load pages until the item is among them. Gives up after a thousand. */
export async function loadUntil(id: string): Promise<void> {
  while (cursor.value && items.value.length < 1000 && !items.value.some((each) => each.deliveryId === id)) {
    const before = items.value.length;
    await loadMoreInbox();
    if (items.value.length === before) return;
  }
}

/** Reload the summary and, if they are loaded, the list and the open delivery, without showing a loading state. */
export async function refreshInbox(): Promise<void> {
  cache.clear();
  if (!latestLoad) return refreshSummary();
  // What is being read is shown first.
  await reading;
  const id = openedDelivery.value?.id;
  await Promise.all([readInto(++latestLoad, null), refreshSummary(), id ? openDelivery(id) : null]);
}

export async function loadMoreInbox(): Promise<void> {
  if (inboxState.value !== "ready" || !cursor.value) return;
  inboxState.value = "more";
  await readInto(latestLoad, cursor.value);
}

let reading = Promise.resolve();

function readInto(loadNumber: number, after: string | null): Promise<void> {
  return (reading = buffer.holdDuring(() => readPage(loadNumber, after)));
}

async function readPage(loadNumber: number, after: string | null): Promise<void> {
  try {
    let result = await call<Page>("GET", pagePath(after));
    // With filters, a page may be empty although more pages follow.
    for (let pages = 1; !result.items.length && result.nextCursor && pages < 4; pages++) {
      result = await call("GET", pagePath(result.nextCursor));
    }
    if (loadNumber !== latestLoad) return;
    if (!after) {
      const newest = result.items.map((each) => each.createdAt).sort().at(-1) ?? "";
      const time = new Date(serverTime()).toISOString();
      listedAt = newest > time ? newest : time;
    }
    if (after || !items.value.length) {
      const ids = new Set(items.value.map((each) => each.deliveryId));
      items.value = [...items.value, ...result.items.filter((each) => !ids.has(each.deliveryId))];
    } else if (mergeFirstPage(result)) {
      inboxState.value = "ready";
      return;
    }
    cursor.value = result.nextCursor;
    inboxState.value = "ready";
  } catch (error) {
    if (loadNumber === latestLoad) inboxState.value = { error };
  }
}

/** Put a new first page before the items that follow it in the list. Returns whether any of these stay. */
function mergeFirstPage({ items: page, nextCursor }: Page): boolean {
  const last = nextCursor ? items.value.findIndex((each) => each.deliveryId === page.at(-1)?.deliveryId) : -1;
  const ids = new Set(page.map((each) => each.deliveryId));
  // Archived and snoozed ones stay loaded, so that undo shows them again.
  const kept = items.value.filter(
    (each, at) => !ids.has(each.deliveryId) && ((last >= 0 && at > last) || each.archivedAt || each.snoozedUntil),
  );
  items.value = [...page, ...kept];
  return last >= 0;
}

let onOpened: (id: string) => void = () => {};

/** Call `listener` when an unread delivery has been opened. */
export function onOpenedUnread(listener: (id: string) => void): void {
  onOpened = listener;
}

export async function openDelivery(id: string): Promise<void> {
  const before = cache.get(id);
  openedDelivery.value = { id, delivery: before };
  try {
    const delivery = unlessFiredSince(await call<Delivery>("GET", `${PATH}/${encodeURIComponent(id)}`));
    cacheDelivery(delivery);
    if (openedDelivery.value?.id === id) openedDelivery.value = { id, delivery };
    patchItem(id, listFields(delivery));
    if (!delivery.readAt && openId.value === id) onOpened(id);
  } catch (error) {
    if (openedDelivery.value?.id === id)
      openedDelivery.value = { id, delivery: before, error: withNotFoundText(error) };
  }
}

/** Replace the message of a 404 by one in the user's language. */
function withNotFoundText(error: unknown): unknown {
  if (!(error instanceof ApiError && error.status === 404)) return error;
  return new ApiError(t("inbox.notFound"), 404, error.requestId);
}

function cacheDelivery(delivery: Delivery): void {
  cache.delete(delivery.deliveryId);
  cache.set(delivery.deliveryId, delivery);
  if (cache.size > CACHE_SIZE) cache.delete(cache.keys().next().value!);
}

/** Return the members of an item that can change after it was published. */
export function listFields({ resolvedAt, fireCount, lastFiredAt, readAt, archivedAt, snoozedUntil }: Item): Partial<Item> {
  return { resolvedAt, fireCount, lastFiredAt, readAt, archivedAt, snoozedUntil };
}

/** Return what a reply says of a delivery, or its known state if a live event has told of a later send meanwhile. */
export function unlessFiredSince<T extends Item>(reply: T): T {
  const known = findItem(reply.deliveryId);
  return known && lastFire(known) > lastFire(reply) ? { ...reply, ...listFields(known) } : reply;
}

export function patchItem(id: string, members: Partial<Delivery>): void {
  patchItems(new Map([[id, members]]));
}

export function patchItems(members: ReadonlyMap<string, Partial<Delivery>>): void {
  items.value = items.value.map((each) => {
    const changed = members.get(each.deliveryId);
    return changed ? { ...each, ...changed } : each;
  });
  for (const [id, changed] of members) {
    const cached = cache.get(id);
    if (cached) cache.set(id, { ...cached, ...changed });
  }
  const opened = openedDelivery.value;
  const changed = opened && members.get(opened.id);
  if (changed && opened.delivery) openedDelivery.value = { ...opened, delivery: { ...opened.delivery, ...changed } };
}

export function findItem(id: string): Item | undefined {
  return items.value.find((each) => each.deliveryId === id) ?? cache.get(id);
}

/** Show items as they are after a change. */
export function applyChanges(changed: readonly Item[], change: Change): void {
  const at = new Date().toISOString();
  const members = new Map<string, Partial<Item>>();
  let unread = 0;
  for (const before of changed) {
    const after = { ...before };
    if (change.read !== undefined) after.readAt = change.read ? (before.readAt ?? at) : null;
    if (change.archived !== undefined) after.archivedAt = change.archived ? (before.archivedAt ?? at) : null;
    if (change.snoozedUntil !== undefined) after.snoozedUntil = change.snoozedUntil;
    // Archiving ends a snooze, and snoozing takes an item out of the archive. A snoozed item comes back unread.
    if (change.archived) after.snoozedUntil = null;
    if (change.snoozedUntil) Object.assign(after, { archivedAt: null, readAt: null });
    members.set(before.deliveryId, listFields(after));
    unread += Number(isUnread(after)) - Number(isUnread(before));
  }
  patchItems(members);
  summary.value = { ...summary.value, unread: Math.max(0, summary.value.unread + unread) };
}

const ANYTHING = filtersFrom(new URLSearchParams());

function isUnread(item: Item): boolean {
  return !item.readAt && matchesFilters(item, ANYTHING, openId.value);
}

/** Run a webhook action of a delivery. */
export async function clickAction(delivery: Delivery, action: Action): Promise<void> {
  const { deliveryId } = delivery;
  setOutcome(deliveryId, action.index, "pending");
  try {
    const clicked = await call<{ status: Outcome }>("POST", `${PATH}/${deliveryId}/actions/${action.index}`);
    if (clicked.status !== "pending") setOutcome(deliveryId, action.index, clicked.status);
  } catch (error) {
    setOutcome(deliveryId, action.index, action.outcome);
    showError(error);
  }
}

function setOutcome(id: string, index: number, outcome: Outcome | null): void {
  const actions = cache.get(id)?.actions;
  if (actions) patchItem(id, { actions: actions.map((each) => (each.index === index ? { ...each, outcome } : each)) });
}

const buffer = new EventBuffer(applyEvent);

/** Handle a live event that concerns the inbox. */
export function handleInboxEvent(event: LiveEvent): void {
  buffer.push(event);
}

function applyEvent(event: LiveEvent): void {
  if (event.type === "deliveries_changed") applyStates(event.changes as Item[]);
  const id = String(event.deliveryId ?? "");
  if (!id) return;
  if (event.type === "delivery") {
    const { id: _, type: __, timestamp: ___, ...fields } = event;
    addOrUpdate(fields as unknown as Item);
  } else if (event.type === "delivery_resolved") {
    patchItem(id, { resolvedAt: String(event.resolvedAt), resolutionNote: event.resolutionNote as string | null });
  } else if (event.type === "delivery_supplemented" || event.type === "action_result") {
    if (event.type === "action_result") setOutcome(id, Number(event.index), event.outcome as Outcome);
    if (openedDelivery.value?.id === id) void openDelivery(id);
    else cache.delete(id);
  } else if (event.type === "delivery_changed") {
    applyStates([event as unknown as Item]);
  }
}

function applyStates(changes: readonly Item[]): void {
  const returned = changes.filter(hasReturned);
  patchItems(
    new Map(
      changes.map(({ deliveryId, readAt, archivedAt, snoozedUntil, fireCount, lastFiredAt, resolvedAt }) => [
        deliveryId,
        { readAt, archivedAt, snoozedUntil, fireCount, lastFiredAt, ...(resolvedAt ? { resolvedAt } : {}) },
      ]),
    ),
  );
  for (const each of returned) moveToTop(each.deliveryId, each.lastFiredAt!);
  // An item that was not in this view may belong to it now.
  const listed = new Set(items.value.map((each) => each.deliveryId));
  const mayBeNew = changes.some((each) => !listed.has(each.deliveryId) && matchesView(each, filters.value.view, openId.value));
  if (mayBeNew && inboxState.value === "ready") void readInto(++latestLoad, null);
  refreshSummary();
}

/** Whether a change says that the event was sent again, and that brought back a loaded item that was not new. */
function hasReturned({ deliveryId, readAt, archivedAt, snoozedUntil, lastFiredAt }: Item): boolean {
  const before = items.value.find((each) => each.deliveryId === deliveryId);
  if (!before || readAt || archivedAt || snoozedUntil || !lastFiredAt) return false;
  const wasAway = Boolean(before.readAt || before.archivedAt || before.snoozedUntil);
  return wasAway && lastFiredAt > lastFire(before);
}

/** Move what came back to the top, unless the user has it open: it then stays where it is until the next load. */
function moveToTop(id: string, at: string): void {
  if (openId.value === id) return;
  const item = items.value.find((each) => each.deliveryId === id)!;
  items.value = [item, ...items.value.filter((each) => each !== item)];
  arrived.value = new Set(arrived.value).add(id);
  listedAt = at > listedAt ? at : listedAt;
}

function addOrUpdate(item: Item): void {
  const before = findItem(item.deliveryId);
  if (before) patchItem(item.deliveryId, item);
  else if (!filters.value.label && matchesSearch(item, filters.value.q)) {
    items.value = [item, ...items.value];
    arrived.value = new Set(arrived.value).add(item.deliveryId);
    listedAt = item.createdAt > listedAt ? item.createdAt : listedAt;
  }
  if (!before && !item.readAt) summary.value = { ...summary.value, unread: summary.value.unread + 1 };
  refreshSummary();
}
