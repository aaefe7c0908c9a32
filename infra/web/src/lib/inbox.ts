import { computed, signal } from "@preact/signals";
import { showError, showToast } from "../ui/toasts";
import { call, ApiError, query } from "./api";
import { type MessageKey, t } from "./i18n";
import type { LiveEvent } from "./live";
import { EventBuffer } from "./event-buffer";
import { now } from "./time";

export type Severity = "critical" | "warn" | "info" | "success";
export type Outcome = "pending" | "delivered" | "failed" | "gone";

/** A delivery as lists show it. */
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

/** A delivery with everything that was sent, and everything that happened to it since. */
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

/** What a person does to an item: members left out stay. */
export interface Change {
  read?: boolean;
  archived?: boolean;
  snoozedUntil?: string | null;
}

export const VIEWS = ["inbox", "unread", "snoozed", "archived", "all"] as const;

const PATH = "api/v1/inbox";
const MOST_KEPT = 60;
const SUMMARY_EVERY = 5000;

export const filters = signal<Filters>({ view: "inbox", q: "", severity: "", status: "" });
const items = signal<Item[]>([]);
export const cursor = signal<string | null>(null);
export const state = signal<"loading" | "ready" | "more" | { error: unknown }>("loading");
export const summary = signal({ unread: 0, urgent: 0, snoozed: 0 });
/** What is open beside the list, which stays in the list while it is. */
export const openId = signal<string | null>(null);
export const opened = signal<{ id: string; delivery?: Delivery; error?: unknown } | null>(null);

/** The items that fit the filters now: what was archived or put off a moment ago is kept, and comes back if undone. */
export const visible = computed(() => items.value.filter((each) => fits(each, filters.value)));

const kept = new Map<string, Delivery>();
let asked = 0;

function fits(item: Item, wanted: Filters): boolean {
  const isSnoozed = Boolean(item.snoozedUntil && Date.parse(item.snoozedUntil) > now.value);
  const isArchived = Boolean(item.archivedAt);
  if (wanted.severity && item.severity !== wanted.severity) return false;
  if (wanted.status && (wanted.status === "resolved") !== Boolean(item.resolvedAt)) return false;
  switch (wanted.view) {
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

/** Whether a new item is one that the search would find. The desk's own search decides at the next load. */
function isFound(item: Item, q: string): boolean {
  const wanted = q.trim().toLowerCase();
  return !wanted || [item.title, item.summary, item.eventType].some((each) => each?.toLowerCase().includes(wanted));
}

function page(after: string | null): string {
  const { view, q, severity, status } = filters.value;
  return query(PATH, { view, q, severity, status, limit: 50, cursor: after });
}

/** Read the list anew, and how much is unread. */
export async function load(): Promise<void> {
  const turn = ++asked;
  state.value = "loading";
  items.value = [];
  cursor.value = null;
  await read(turn, null);
}

/** Read the list anew behind the one that is shown. */
export async function renew(): Promise<void> {
  kept.clear();
  const id = opened.value?.id;
  await Promise.all([read(++asked, null), count(), id ? open(id) : null]);
}

export async function loadMore(): Promise<void> {
  if (state.value !== "ready" || !cursor.value) return;
  state.value = "more";
  await read(asked, cursor.value);
}

function read(turn: number, after: string | null): Promise<void> {
  return loading.during(() => readPage(turn, after));
}

async function readPage(turn: number, after: string | null): Promise<void> {
  try {
    let found = await call<{ items: Item[]; nextCursor: string | null }>("GET", page(after));
    // With filters a page may be empty before the last.
    for (let pages = 1; !found.items.length && found.nextCursor && pages < 4; pages++) {
      found = await call("GET", page(found.nextCursor));
    }
    if (turn !== asked) return;
    const known = after ? items.value : [];
    const ids = new Set(known.map((each) => each.deliveryId));
    items.value = [...known, ...found.items.filter((each) => !ids.has(each.deliveryId))];
    cursor.value = found.nextCursor;
    state.value = "ready";
  } catch (error) {
    if (turn === asked) state.value = { error };
  }
}

let countAt = 0;
let counting = 0;

/** Read how much is unread: now, or when the last time was long enough ago. */
export function count(): void {
  clearTimeout(counting);
  const wait = Math.max(0, countAt + SUMMARY_EVERY - Date.now());
  counting = setTimeout(async () => {
    countAt = Date.now();
    try {
      summary.value = await call("GET", `${PATH}/summary`);
    } catch {
      // The badge stays as it was; what is wrong is told where something was asked for.
    }
  }, wait);
}

export async function open(id: string): Promise<void> {
  const before = kept.get(id);
  opened.value = { id, delivery: before };
  try {
    const delivery = await call<Delivery>("GET", `${PATH}/${encodeURIComponent(id)}`);
    remember(delivery);
    if (opened.value?.id === id) opened.value = { id, delivery };
    patch(id, listed(delivery));
    if (!delivery.readAt && openId.value === id) void change(id, { read: true }, null);
  } catch (error) {
    if (opened.value?.id === id) opened.value = { id, delivery: before, error: explained(error) };
  }
}

/** A missing delivery is a missing notification to the person who reads this. */
function explained(error: unknown): unknown {
  if (!(error instanceof ApiError && error.status === 404)) return error;
  return new ApiError(t("inbox.notFound"), 404, error.requestId);
}

function remember(delivery: Delivery): void {
  kept.delete(delivery.deliveryId);
  kept.set(delivery.deliveryId, delivery);
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value!);
}

/** The members that change, of those that lists show. */
function listed({ resolvedAt, fireCount, readAt, archivedAt, snoozedUntil }: Item): Partial<Item> {
  return { resolvedAt, fireCount, readAt, archivedAt, snoozedUntil };
}

function patch(id: string, members: Partial<Delivery>): void {
  items.value = items.value.map((each) => (each.deliveryId === id ? { ...each, ...members } : each));
  const found = kept.get(id);
  if (found) kept.set(id, { ...found, ...members });
  const shown = opened.value;
  if (shown?.id === id && shown.delivery) opened.value = { ...shown, delivery: { ...shown.delivery, ...members } };
}

export function find(id: string): Item | undefined {
  return items.value.find((each) => each.deliveryId === id) ?? kept.get(id);
}

/** Change an item at once, and tell the desk; what it refuses is taken back. `done` is said, with a way back. */
export async function change(id: string, wanted: Change, done: MessageKey | null): Promise<void> {
  const before = find(id);
  if (!before) return;
  const at = new Date().toISOString();
  const members: Partial<Item> = {};
  if (wanted.read !== undefined) members.readAt = wanted.read ? (before.readAt ?? at) : null;
  if (wanted.archived !== undefined) members.archivedAt = wanted.archived ? (before.archivedAt ?? at) : null;
  if (wanted.snoozedUntil !== undefined) members.snoozedUntil = wanted.snoozedUntil;
  // Archiving ends a snooze, and the other way round; what was snoozed comes back unread.
  if (wanted.archived) members.snoozedUntil = null;
  if (wanted.snoozedUntil) Object.assign(members, { archivedAt: null, readAt: null });
  patch(id, members);
  const unread = Number(isUnread({ ...before, ...members })) - Number(isUnread(before));
  summary.value = { ...summary.value, unread: Math.max(0, summary.value.unread + unread) };
  if (done) showToast(t(done), () => void change(id, inverse(before), null));
  try {
    patch(id, listed(await call<Item>("PATCH", `${PATH}/${encodeURIComponent(id)}`, wanted)));
  } catch (error) {
    patch(id, listed(before));
    showError(error);
  }
  count();
}

function isUnread(item: Item): boolean {
  return !item.readAt && fits(item, { view: "inbox", q: "", severity: "", status: "" });
}

/** What brings an item back to how it was. */
function inverse(before: Item): Change {
  const snoozedUntil = before.snoozedUntil && Date.parse(before.snoozedUntil) > Date.now() ? before.snoozedUntil : null;
  return { read: Boolean(before.readAt), archived: Boolean(before.archivedAt), snoozedUntil };
}

/** Click a button that calls its sender back. */
export async function click(delivery: Delivery, action: Action): Promise<void> {
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
  const actions = kept.get(id)?.actions;
  if (actions) patch(id, { actions: actions.map((each) => (each.index === index ? { ...each, outcome } : each)) });
}

const loading = new EventBuffer(follow);

/** What the socket tells of the inbox. */
export function handleInboxEvent(frame: LiveEvent): void {
  loading.take(frame);
}

function follow(frame: LiveEvent): void {
  const id = String(frame.deliveryId ?? "");
  if (!id) return;
  if (frame.type === "delivery") {
    const { id: _, type: __, timestamp: ___, ...told } = frame;
    arrive(told as unknown as Item);
  } else if (frame.type === "delivery_resolved") {
    patch(id, { resolvedAt: String(frame.resolvedAt), resolutionNote: frame.resolutionNote as string | null });
  } else if (frame.type === "delivery_supplemented" || frame.type === "action_result") {
    if (frame.type === "action_result") setOutcome(id, Number(frame.index), frame.outcome as Outcome);
    if (opened.value?.id === id) void open(id);
    else kept.delete(id);
  } else if (frame.type === "delivery_changed") {
    hearOfState(id, frame as unknown as Item);
  }
}

function hearOfState(id: string, told: Item): void {
  const { readAt, archivedAt, snoozedUntil, fireCount } = told;
  patch(id, { readAt, archivedAt, snoozedUntil, fireCount });
  // What was not listed here may belong here now.
  const isListed = items.value.some((each) => each.deliveryId === id);
  if (!isListed && state.value === "ready") void read(++asked, null);
  count();
}

function arrive(item: Item): void {
  const before = find(item.deliveryId);
  if (before) patch(item.deliveryId, item);
  else if (isFound(item, filters.value.q)) items.value = [item, ...items.value];
  if (!before && !item.readAt) summary.value = { ...summary.value, unread: summary.value.unread + 1 };
  count();
}
