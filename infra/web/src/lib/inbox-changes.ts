import { beginAction, dismissToast, showError, showToast } from "../ui/toasts";
import { ApiError, call } from "./api";
import { type MessageKey, t } from "./i18n";
import {
  applyChanges,
  filterForBulk,
  findItem,
  listFields,
  patchItem,
  patchItems,
  PATH,
  refreshInbox,
  unlessFiredSince,
  visibleItems,
} from "./inbox";
import type { Change, Item } from "./inbox-items";
import { refreshSummary } from "./inbox-summary";

export type BulkAction = "read" | "unread" | "archive" | "unarchive" | "snooze" | "unsnooze";


interface BulkJob {
  jobId: string;
  status: "queued" | "running" | "done" | "stopped";
  changed: number;
  notAllowed?: number;
}

const BULK = `${PATH}/bulk`;
const MOST_IDS = 1000;
const POLL_MS = 1500;
const LONGEST_MS = 600_000;
// Changes of single items are sent together: soon after the first ones, and rarely if there are many.
const SOON = 250;
const LATER = 3000;
const FEW = 6;
const REMEMBERED = 20_000;
const RETRY_MS = 15_000;

interface Waiting {
  change: Change;
  /** The item before the first of the changes. */
  before: Item;
  /** Say that the change has been made. */
  done: Array<() => void>;
  failed: Array<() => void>;
}

const pending = new Map<string, Waiting>();
const recentSends: number[] = [];
let timer = 0;
let sending: Promise<unknown> = Promise.resolve();

/** Change an item at once on the screen, and soon at the desk. `done` names the toast, which offers undo. */
export function changeItem(id: string, change: Change, done: MessageKey | null): void {
  const before = findItem(id);
  if (!before) return;
  applyChanges([before], change);
  const action = done ? beginAction(() => changeItem(id, undoChange(before), null)) : null;
  const waiting = pending.get(id);
  const merged: Waiting = {
    change: { ...waiting?.change, ...change },
    before: waiting?.before ?? before,
    done: [...(waiting?.done ?? []), () => done && action?.done(t(done))],
    failed: [...(waiting?.failed ?? []), () => action?.failed()],
  };
  // The latest of two changes comes last.
  pending.delete(id);
  pending.set(id, merged);
  const now = Date.now();
  while (recentSends.length && recentSends[0]! < now - REMEMBERED) recentSends.shift();
  timer ||= setTimeout(flushChanges, recentSends.length < FEW ? SOON : LATER);
}

/** Send the changes that wait. */
export function flushChanges(leaving = false): Promise<unknown> {
  clearTimeout(timer);
  timer = 0;
  const changes = new Map(pending);
  pending.clear();
  if (!changes.size) return sending;
  recentSends.push(Date.now());
  sending = leaving ? send(changes, true) : sending.then(() => send(changes, false));
  return sending;
}

addEventListener("pagehide", () => void flushChanges(true));

async function send(changes: Map<string, Waiting>, keepalive: boolean): Promise<void> {
  try {
    if (changes.size === 1) {
      const [[id, { change }]] = [...changes] as [[string, Waiting]];
      const item = await call<Item>("PATCH", `${PATH}/${encodeURIComponent(id)}`, change, { keepalive });
      if (!pending.has(id)) patchItem(id, listFields(unlessFiredSince(item)));
    } else {
      for (const bulk of bulksOf(changes)) await call("POST", BULK, bulk, { keepalive });
    }
    for (const each of [...changes.values()].flatMap(({ done }) => done)) each();
    refreshSummary();
  } catch (error) {
    if (error instanceof ApiError && error.status === 429) {
      for (const [id, waiting] of changes) {
        const later = pending.get(id);
        pending.set(id, later ? { ...waiting, change: { ...waiting.change, ...later.change } } : waiting);
      }
      timer ||= setTimeout(flushChanges, RETRY_MS);
      return;
    }
    for (const each of [...changes.values()].flatMap(({ failed }) => failed)) each();
    patchItems(new Map([...changes].map(([id, { before }]) => [id, listFields(before)])));
    showError(error, t("inbox.notChanged", { title: [...changes.values()][0]!.before.title }));
    refreshSummary();
  }
}

interface Bulk {
  action: BulkAction;
  ids: string[];
  snoozedUntil?: string;
}

/** Return the bulk changes that make these changes, in the order in which they must be made. */
function bulksOf(changes: Map<string, Waiting>): Bulk[] {
  const bulks = new Map<string, Bulk>();
  const add = (order: number, id: string, action: BulkAction, until?: string) => {
    const name = `${order} ${action} ${until ?? ""}`;
    const bulk = bulks.get(name) ?? { action, ids: [], ...(until ? { snoozedUntil: until } : {}) };
    bulk.ids.push(id);
    bulks.set(name, bulk);
  };
  for (const [id, { change }] of changes) {
    const { read, archived, snoozedUntil } = change;
    if (archived !== undefined) add(1, id, archived ? "archive" : "unarchive");
    if (snoozedUntil !== undefined) add(2, id, snoozedUntil ? "snooze" : "unsnooze", snoozedUntil ?? undefined);
    if (read !== undefined) add(3, id, read ? "read" : "unread");
  }
  return [...bulks].sort(([one], [two]) => one.localeCompare(two)).map(([, bulk]) => bulk);
}

/** Return the change that restores an item. */
function undoChange(before: Item): Change {
  const snoozedUntil = before.snoozedUntil && Date.parse(before.snoozedUntil) > Date.now() ? before.snoozedUntil : null;
  return { read: Boolean(before.readAt), archived: Boolean(before.archivedAt), snoozedUntil };
}

const CHANGES: Record<Exclude<BulkAction, "snooze">, Change> = {
  read: { read: true },
  unread: { read: false },
  archive: { archived: true },
  unarchive: { archived: false },
  unsnooze: { snoozedUntil: null },
};

/** Change the items with these ids, or all that match the filters if `ids` is null, as one action that can be undone. */
export async function changeMany(action: BulkAction, ids: readonly string[] | null, until?: string): Promise<void> {
  const chosen = ids && new Set(ids);
  const items = visibleItems.value.filter((each) => !chosen || chosen.has(each.deliveryId));
  const targets = targetsOf(ids);
  applyChanges(items, action === "snooze" ? { snoozedUntil: until! } : CHANGES[action]);
  const jobs: BulkJob[] = [];
  const state = { isUndone: false };
  const undoing = beginAction(() => {
    state.isUndone = true;
    patchItems(new Map(items.map((each) => [each.deliveryId, listFields(each)])));
    void undoJobs(jobs);
  });
  try {
    await flushChanges();
    const more = until ? { snoozedUntil: until } : {};
    for (const each of targets) jobs.push(await call<BulkJob>("POST", BULK, { action, ...each, ...more }));
    // Undone while the call was being made.
    if (state.isUndone) await undoJobs(jobs);
    const changed = await waitFor(jobs, state);
    if (!state.isUndone) undoing.done(t(`bulk.${action}`, { n: changed }));
  } catch (error) {
    undoing.failed();
    patchItems(new Map(items.map((each) => [each.deliveryId, listFields(each)])));
    if (jobs.length) void undoJobs(jobs);
    showError(error);
  }
  refreshSummary();
}

/** Resolve the items with these ids, or all that match the filters. It is for good, so the caller has asked. */
export async function resolveMany(ids: readonly string[] | null): Promise<void> {
  const targets = targetsOf(ids);
  const jobs: BulkJob[] = [];
  try {
    await flushChanges();
    for (const each of targets) jobs.push(await call<BulkJob>("POST", BULK, { action: "resolve", ...each }));
    await waitFor(jobs, { isUndone: false });
    const notAllowed = jobs.reduce((sum, each) => sum + (each.notAllowed ?? 0), 0);
    const left = notAllowed ? ` ${t("bulk.notAllowed", { n: notAllowed })}` : "";
    showToast(t("bulk.resolve", { n: jobs.reduce((sum, each) => sum + each.changed, 0) }) + left);
  } catch (error) {
    showError(error);
  }
}

/** What a bulk change is for: the items with these ids, or all that match the filters now if `ids` is null. */
function targetsOf(ids: readonly string[] | null): object[] {
  if (!ids) return [{ filter: filterForBulk() }];
  const targets: object[] = [];
  for (let at = 0; at < ids.length; at += MOST_IDS) targets.push({ ids: ids.slice(at, at + MOST_IDS) });
  return targets;
}

/** Wait until the desk has made all changes, and return how many. */
async function waitFor(jobs: BulkJob[], state: { isUndone: boolean }): Promise<number> {
  const isOver = ({ status }: BulkJob) => status === "done" || status === "stopped";
  const toast = jobs.every(isOver) ? 0 : showToast(t("bulk.working"), null, LONGEST_MS);
  try {
    while (!jobs.every(isOver) && !state.isUndone) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      for (const [at, job] of jobs.entries()) {
        if (!isOver(job)) jobs[at] = await call<BulkJob>("GET", `${BULK}/${job.jobId}`);
      }
    }
  } finally {
    if (toast) dismissToast(toast);
  }
  return jobs.reduce((sum, each) => sum + each.changed, 0);
}

async function undoJobs(jobs: BulkJob[]): Promise<void> {
  try {
    for (const each of jobs.splice(0).reverse()) await call("POST", `${BULK}/${each.jobId}/undo`);
  } catch (error) {
    showError(error);
  }
  void refreshInbox();
}
