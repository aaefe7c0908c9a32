import { computed, signal } from "@preact/signals";
import { beginAction, showError } from "../ui/toasts";
import { call, ApiError, onRecovery, query } from "./api";
import { type MessageKey, t } from "./i18n";
import type { LiveEvent } from "./live";
import { EventBuffer } from "./event-buffer";
import { opens } from "./session";
import { now } from "./time";

export type Severity = "critical" | "warn" | "info" | "success";
export type Outcome = "pending" | "delivered" | "failed" | "gone";

/** A delivery in a list. */
export interface Item {
  deliveryId: string;
  eventType: string;
  severity: Severity;
  title: string;
  occurredAt: string;
  createdAt: string;
  resolvedAt?: string | null;
  fireCount: number;
  tone?: "neutral" | "positive" | "negative";
  summary?: string;
  externalStatus?: string;
  readAt?: string | null;
  archivedAt?: string | null;
  snoozedUntil?: string | null;
}

export interface Action {
  index: number;
  label: string;
  actionType: "url" | "webhook";
  url?: string;
  outcome: Outcome | null;
  attempts: Array<{ at: string; status: number | null; error: string | null; nextAttemptAt: string | null }>;
}

/** A delivery with every field of its event, its actions and its supplements. */
export interface Delivery extends Item {
  eventId: string;
  resolutionNote?: string | null;
  projectSlug?: string;
  externalUrl?: string;
  locale?: string;
  markdownBody?: string;
  markdownBodyRendering?: "collapsed" | "expanded" | "preview";
  labels?: Record<string, string>;
  actor?: { email: string; name?: string };
  actions: Action[];
  supplements: Array<{ id: string; markdownBody: string; createdAt: string }>;
}

export interface Filters {
  view: string;
  q: string;
  severity: string;
  status: string;
}

/** A change to an item. Omitted members stay as they are. */
export interface Change {
  read?: boolean;
  archived?: boolean;
  snoozedUntil?: string | null;
}

export const VIEWS = ["inbox", "unread", "snoozed", "archived", "all"] as const;

const PATH = "api/v1/inbox";
const CACHE_SIZE = 60;
const SUMMARY_INTERVAL = 5000;

export const filters = signal<Filters>({ view: "inbox", q: "", severity: "", status: "" });
const items = signal<Item[]>([]);
export const cursor = signal<string | null>(null);
export const inboxState = signal<"loading" | "ready" | "more" | { error: unknown }>("loading");
export const summary = signal({ unread: 0, urgent: 0, snoozed: 0 });
/** The id of the open delivery. It stays in the list of unread deliveries while it is open. */
export const openId = signal<string | null>(null);
export const openedDelivery = signal<{ id: string; delivery?: Delivery; error?: unknown } | null>(null);

/** The items that match the filters now. Archived and snoozed items stay loaded, so that undo restores them. */
export const visibleItems = computed(() => items.value.filter((each) => matchesFilters(each, filters.value)));

const cache = new Map<string, Delivery>();
/** The last change of each item that the server has not confirmed yet. */
const sending = new Map<string, Promise<Item>>();
let latestLoad = 0;

function matchesFilters(item: Item, filter: Filters): boolean {
  const isSnoozed = Boolean(item.snoozedUntil && Date.parse(item.snoozedUntil) > now.value);
  const isArchived = Boolean(item.archivedAt);
  if (filter.severity && item.severity !== filter.severity) return false;
  if (filter.status && (filter.status === "resolved") !== Boolean(item.resolvedAt)) return false;
  switch (filter.view) {
    case "archived":
      return isArchived;
    case "snoozed":
      return isSnoozed && !isArchived;
    case "unread":
      return !isArchived && !isSnoozed && (!item.readAt || item.deliveryId === openId.value);
    case "inbox":
      return !isArchived && !isSnoozed;
    default:
      return true;
  }
}

/** Return whether a new item matches the search, approximately. The server's search decides at the next load. */
function matchesSearch(item: Item, q: string): boolean {
  const term = q.trim().toLowerCase();
  return !term || [item.title, item.summary, item.eventType].some((each) => each?.toLowerCase().includes(term));
}

function pagePath(after: string | null): string {
  const { view, q, severity, status } = filters.value;
  return query(PATH, { view, q, severity, status, limit: 50, cursor: after });
}

/** Return the id of the newest unread delivery. Null if all are read. */
export async function findNewestUnread(): Promise<string | null> {
  const page = await call<{ items: Item[] }>("GET", query(PATH, { view: "unread", limit: 1 }));
  return page.items[0]?.deliveryId ?? null;
}

/** Load the list from the start. */
export async function loadInbox(): Promise<void> {
  const loadNumber = ++latestLoad;
  inboxState.value = "loading";
  items.value = [];
  cursor.value = null;
  await readInto(loadNumber, null);
}

/** Reload the list, the summary and the open delivery without showing a loading state. */
export async function refreshInbox(): Promise<void> {
  cache.clear();
  const id = openedDelivery.value?.id;
  await Promise.all([readInto(++latestLoad, null), refreshSummary(), id ? openDelivery(id) : null]);
}

export async function loadMoreInbox(): Promise<void> {
  if (inboxState.value !== "ready" || !cursor.value) return;
  inboxState.value = "more";
  await readInto(latestLoad, cursor.value);
}

function readInto(loadNumber: number, after: string | null): Promise<void> {
  return buffer.holdDuring(() => readPage(loadNumber, after));
}

async function readPage(loadNumber: number, after: string | null): Promise<void> {
  try {
    let result = await call<{ items: Item[]; nextCursor: string | null }>("GET", pagePath(after));
    // With filters, a page may be empty although more pages follow.
    for (let pages = 1; !result.items.length && result.nextCursor && pages < 4; pages++) {
      result = await call("GET", pagePath(result.nextCursor));
    }
    if (loadNumber !== latestLoad) return;
    const listed = after ? items.value : [];
    const ids = new Set(listed.map((each) => each.deliveryId));
    items.value = [...listed, ...result.items.filter((each) => !ids.has(each.deliveryId))];
    cursor.value = result.nextCursor;
    inboxState.value = "ready";
  } catch (error) {
    if (loadNumber === latestLoad) inboxState.value = { error };
  }
}

let summaryAt = 0;
let summaryTimer = 0;

/** Refresh the unread count, at most once per `SUMMARY_INTERVAL`. */
export function refreshSummary(): void {
  if (!opens("inbox")) return;
  clearTimeout(summaryTimer);
  const wait = Math.max(0, summaryAt + SUMMARY_INTERVAL - Date.now());
  summaryTimer = setTimeout(async () => {
    summaryAt = Date.now();
    try {
      summary.value = await call("GET", `${PATH}/summary`);
    } catch {
      // Keep the old count. The user did not ask for this request, so no error is shown.
    }
  }, wait);
}

// What failed while the server was away is asked again once it is back.
onRecovery(refreshSummary);

export async function openDelivery(id: string): Promise<void> {
  const before = cache.get(id);
  openedDelivery.value = { id, delivery: before };
  try {
    const delivery = await call<Delivery>("GET", `${PATH}/${encodeURIComponent(id)}`);
    cacheDelivery(delivery);
    if (openedDelivery.value?.id === id) openedDelivery.value = { id, delivery };
    patchItem(id, listFields(delivery));
    if (!delivery.readAt && openId.value === id) void changeItem(id, { read: true }, null);
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
function listFields({ resolvedAt, fireCount, readAt, archivedAt, snoozedUntil }: Item): Partial<Item> {
  return { resolvedAt, fireCount, readAt, archivedAt, snoozedUntil };
}

function patchItem(id: string, members: Partial<Delivery>): void {
  items.value = items.value.map((each) => (each.deliveryId === id ? { ...each, ...members } : each));
  const cached = cache.get(id);
  if (cached) cache.set(id, { ...cached, ...members });
  const opened = openedDelivery.value;
  if (opened?.id === id && opened.delivery)
    openedDelivery.value = { ...opened, delivery: { ...opened.delivery, ...members } };
}

export function findItem(id: string): Item | undefined {
  return items.value.find((each) => each.deliveryId === id) ?? cache.get(id);
}

/** Change an item optimistically. Restore it when the server refuses. `done` names the toast, which offers undo. */
export async function changeItem(id: string, changes: Change, done: MessageKey | null): Promise<void> {
  const before = findItem(id);
  if (!before) return;
  const at = new Date().toISOString();
  const members: Partial<Item> = {};
  if (changes.read !== undefined) members.readAt = changes.read ? (before.readAt ?? at) : null;
  if (changes.archived !== undefined) members.archivedAt = changes.archived ? (before.archivedAt ?? at) : null;
  if (changes.snoozedUntil !== undefined) members.snoozedUntil = changes.snoozedUntil;
  // Archiving ends a snooze, and snoozing takes an item out of the archive. A snoozed item comes back unread.
  if (changes.archived) members.snoozedUntil = null;
  if (changes.snoozedUntil) Object.assign(members, { archivedAt: null, readAt: null });
  patchItem(id, members);
  const unread = Number(isUnread({ ...before, ...members })) - Number(isUnread(before));
  summary.value = { ...summary.value, unread: Math.max(0, summary.value.unread + unread) };
  const action = done ? beginAction(() => void changeItem(id, undoChange(before), null)) : null;
  try {
    // Changes of one item are sent one after the other, so that undoing one never overtakes it.
    const earlier = sending.get(id);
    const sent = (async () => {
      await earlier?.catch(() => {});
      return call<Item>("PATCH", `${PATH}/${encodeURIComponent(id)}`, changes);
    })();
    sending.set(id, sent);
    const saved = await sent;
    if (sending.get(id) === sent) {
      sending.delete(id);
      patchItem(id, listFields(saved));
    }
    if (done) action?.done(t(done));
  } catch (error) {
    action?.failed();
    patchItem(id, listFields(before));
    showError(error, t("inbox.notChanged", { title: before.title }));
  }
  refreshSummary();
}

function isUnread(item: Item): boolean {
  return !item.readAt && matchesFilters(item, { view: "inbox", q: "", severity: "", status: "" });
}

/** Return the change that restores an item. */
function undoChange(before: Item): Change {
  const snoozedUntil = before.snoozedUntil && Date.parse(before.snoozedUntil) > Date.now() ? before.snoozedUntil : null;
  return { read: Boolean(before.readAt), archived: Boolean(before.archivedAt), snoozedUntil };
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
    applyState(id, event as unknown as Item);
  }
}

function applyState(id: string, fields: Item): void {
  const { readAt, archivedAt, snoozedUntil, fireCount } = fields;
  patchItem(id, { readAt, archivedAt, snoozedUntil, fireCount });
  // An item that was not in this view may belong to it now.
  const isListed = items.value.some((each) => each.deliveryId === id);
  if (!isListed && inboxState.value === "ready") void readInto(++latestLoad, null);
  refreshSummary();
}

function addOrUpdate(item: Item): void {
  const before = findItem(item.deliveryId);
  if (before) patchItem(item.deliveryId, item);
  else if (matchesSearch(item, filters.value.q)) items.value = [item, ...items.value];
  if (!before && !item.readAt) summary.value = { ...summary.value, unread: summary.value.unread + 1 };
  refreshSummary();
}
