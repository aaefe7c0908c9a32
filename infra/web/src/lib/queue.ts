import { signal } from "@preact/signals";
import { showError, showToast } from "../ui/toasts";
import { data, ApiError, onRecovery, query } from "./api";
import { t } from "./i18n";
import type { LiveEvent } from "./live";
import { EventBuffer } from "./event-buffer";
import { cancelHold, hold } from "./holds";
import { href, route } from "./router";
import { opens } from "./session";

export const STATUSES = ["pending_confirmation", "in_progress", "ready", "blocked", "done_today"] as const;
export type Status = (typeof STATUSES)[number];

export interface Task {
  id: string;
  type: string;
  title: string;
  description: string | null;
  priority: "urgent" | "high" | "medium" | "low";
  status: Status;
  source: string | null;
  metadata: string | null;
  createdAt: string;
  updatedAt: string;
  claimedBy: string | null;
  proposedBy?: string | null;
  decision?: {
    outcome: string;
    reason: string | null;
    changed: string[];
    standingApprovalId?: string | null;
    decidedBy?: string | null;
  } | null;
}

/** What a person decides with their approval or rejection. */
export interface Decided {
  arguments?: Record<string, unknown>;
  reason?: string;
}

/** What its agent may do from now on, once a proposal is approved. */
export interface Allowed {
  until: string;
  uses: number;
  required: Record<string, unknown>;
  most: Record<string, number>;
}

/** A reply that has the task which its call put in progress, if any. */
interface Dispatching {
  autoDispatched?: Task | null;
}

export interface Settings {
  mode: "cockpit" | "chief_of_staff";
  queueAutoApprove: boolean;
  agentsOfIntegrators: boolean;
}

/** How the queue stands when its owner takes over. */
export interface Briefing {
  completedToday: number;
  stillReady: number;
  blocked: number;
}

interface SettingsChange extends Partial<Settings> {
  autoDispatched?: Task;
  briefing?: Briefing;
}

const PATH = "api/v2/queue";
const PAGE_SIZES = { pending_confirmation: 100, in_progress: 50, ready: 100, blocked: 50, done_today: 20 };
const RANK = { urgent: 0, high: 1, medium: 2, low: 3 };
// With more changes at a time, reloading the queue costs less than reading each task.
const MAX_SINGLE_READS = 6;

export const tasks = signal<Task[]>([]);
export const totals = signal<Partial<Record<Status, number>>>({});
export const queueState = signal<"loading" | "ready" | { error: unknown }>("loading");
export const settings = signal<Settings | null>(null);
export const briefing = signal<Briefing | null>(null);

let latestLoad = 0;

export function loadQueue(): Promise<void> {
  return buffer.holdDuring(readQueue);
}

/** Reload the queue if it is loaded; else count what waits. */
export const refreshQueue = (): Promise<void> => (latestLoad ? loadQueue() : countWaiting());

async function readQueue(): Promise<void> {
  const loadNumber = ++latestLoad;
  if (queueState.value !== "ready") queueState.value = "loading";
  try {
    const [stored, ...pages] = await Promise.all([
      data<Settings>("GET", "api/v2/settings"),
      ...STATUSES.map((status) =>
        data<{ items: Task[]; pagination: { total: number } }>(
          "GET",
          query(PATH, { status, limit: PAGE_SIZES[status] }),
        ),
      ),
    ]);
    if (loadNumber !== latestLoad) return;
    settings.value = stored;
    tasks.value = pages.flatMap((page) => page.items);
    totals.value = Object.fromEntries(STATUSES.map((status, at) => [status, pages[at]!.pagination.total]));
    queueState.value = "ready";
  } catch (error) {
    if (loadNumber === latestLoad) queueState.value = { error };
  }
}

/** Return the tasks of a status in the server's order: most urgent first, then oldest first. */
export function tasksOf(status: Status): Task[] {
  return tasks.value
    .filter((each) => each.status === status)
    .sort((one, two) => RANK[one.priority] - RANK[two.priority] || one.createdAt.localeCompare(two.createdAt));
}

function putTask(task: Task): void {
  // Somebody else has decided.
  if (task.status !== "pending_confirmation") cancelHold(task.id);
  const before = tasks.value.find((each) => each.id === task.id);
  tasks.value = before ? tasks.value.map((each) => (each.id === task.id ? task : each)) : [...tasks.value, task];
  recount(before?.status, task.status);
}

function removeTask(id: string): void {
  cancelHold(id);
  const before = tasks.value.find((each) => each.id === id);
  tasks.value = tasks.value.filter((each) => each.id !== id);
  recount(before?.status, undefined);
}

function recount(from: Status | undefined, to: Status | undefined): void {
  if (from === to) return;
  const counts = { ...totals.value };
  if (from) counts[from] = Math.max(0, (counts[from] ?? 0) - 1);
  if (to) counts[to] = (counts[to] ?? 0) + 1;
  totals.value = counts;
}

function showDispatched(task: Task | null | undefined): void {
  if (!task) return;
  putTask(task);
  showToast(t("queue.dispatched", { title: task.title }));
}

/** Approve or reject a task in five seconds, unless that is undone. */
export function decideTask(task: Task, isApproved: boolean, decided: Decided = {}, allowed?: Allowed): void {
  const text = t(isApproved ? "queue.approving" : "queue.rejecting", { title: task.title });
  hold(task.id, text, (leaving) => isApproved ? approveTask(task, decided, leaving, allowed) : rejectTask(task, decided, leaving),
  );
}

async function approveTask(task: Task, decided: Decided, leaving: boolean, allowed?: Allowed): Promise<void> {
  putTask({ ...task, status: "ready" });
  try {
    const body = { action: "approve", ...decided };
    const reply = await data<Partial<Task> & Dispatching>("POST", `${PATH}/${task.id}/confirm`, body, {
      keepalive: leaving,
    });
    if (reply.id && reply.status) putTask({ ...task, ...reply });
    if (reply.autoDispatched && reply.autoDispatched.id !== task.id) showDispatched(reply.autoDispatched);
    showToast(t("queue.approved", { title: task.title }));
    if (allowed) await allow(task, allowed);
  } catch (error) {
    putTask(task);
    showError(error, t("queue.notChanged", { title: task.title }));
  }
}

async function allow(task: Task, allowed: Allowed): Promise<void> {
  try {
    await data("POST", "api/v2/standing-approvals", { taskId: task.id, ...allowed });
    showToast(t("standing.made"));
  } catch (error) {
    showError(error);
  }
}

/** Reject a task, which removes it. Undo restores the same task. */
async function rejectTask(task: Task, decided: Decided, leaving: boolean): Promise<void> {
  removeTask(task.id);
  try {
    await data("POST", `${PATH}/${task.id}/confirm`, { action: "reject", ...decided }, { keepalive: leaving });
    const undo = isFromOtherDesk(task) ? null : () => void restoreTask(task);
    showToast(t("queue.rejected", { title: task.title }), undo);
  } catch (error) {
    putTask(task);
    showError(error, t("queue.notChanged", { title: task.title }));
  }
}

async function restoreTask(task: Task): Promise<void> {
  try {
    putTask(await data<Task>("POST", `${PATH}/${task.id}/restore`));
  } catch (error) {
    showError(error, t("queue.notChanged", { title: task.title }));
  }
}

/** Decide about a held event at once. Errors are thrown, so that the form that was filled in stays. */
export async function decideHeldEvent(task: Task, action: "approve" | "reject", recipient?: string): Promise<void> {
  const body = action === "approve" && recipient ? { action, recipient } : { action };
  const reply = await data<Partial<Task>>("POST", `${PATH}/${task.id}/confirm`, body);
  if (reply.id && reply.status) putTask({ ...task, ...reply });
  else removeTask(task.id);
  showToast(t(action === "approve" ? "queue.delivered" : "queue.rejected", { title: task.title }));
}

export async function moveTask(task: Task, status: Status): Promise<void> {
  putTask({ ...task, status });
  try {
    const reply = await data<Task & Dispatching>("POST", `${PATH}/${task.id}/status`, { status });
    putTask(reply);
    showDispatched(reply.autoDispatched);
  } catch (error) {
    putTask(task);
    showError(error);
  }
}

export type NewTask = Pick<Task, "title" | "priority"> &
  Partial<Pick<Task, "type" | "description" | "source" | "metadata">>;

export async function addTask(task: NewTask): Promise<boolean> {
  const { title, priority, type, description, source, metadata } = task;
  const details = { type, description, metadata: metadata ? JSON.parse(metadata) : undefined };
  try {
    let reply = await data<Task & Dispatching>("POST", PATH, { title, priority, source: source ?? "user", ...details });
    // Nobody has to approve their own task. With a key, the server can't tell a person from an agent.
    if (reply.status === "pending_confirmation" && !source) {
      const approved = await data<Partial<Task> & Dispatching>("POST", `${PATH}/${reply.id}/confirm`, { action: "approve" });
      reply = { ...reply, ...approved };
    }
    putTask(reply);
    if (reply.autoDispatched?.id !== reply.id) showDispatched(reply.autoDispatched);
    return true;
  } catch (error) {
    showError(error);
    return false;
  }
}

export async function changeSettings(changes: Partial<Settings>): Promise<void> {
  const before = settings.value;
  if (!before) return;
  settings.value = { ...before, ...changes };
  briefing.value = null;
  try {
    const reply = await data<SettingsChange>("PATCH", "api/v2/settings", changes);
    briefing.value = reply.briefing ?? null;
    showDispatched(reply.autoDispatched);
  } catch (error) {
    settings.value = before;
    showError(error);
  }
}

/** Return whether the agent says that the task can't be undone once it is approved. */
export function isIrreversible(task: Task): boolean {
  const proposal = metadataOf(task).proposal;
  return Boolean(proposal && typeof proposal === "object" && (proposal as { reversible?: unknown }).reversible === false);
}

/** Return whether rejecting the task tells somebody at another desk, which can't be undone. */
export function isFromOtherDesk(task: Task): boolean {
  return task.source === "federation";
}

/** Return who at another desk sent the task. */
export function remoteOriginOf(task: Task): { email: string; url: string; verified: boolean } {
  const { peerUserEmail, peerInstanceUrl, verified } = metadataOf(task);
  return { email: String(peerUserEmail ?? ""), url: String(peerInstanceUrl ?? ""), verified: verified === true };
}

/** Return whether the task stands for an event that waits for moderation. */
export function isHeldEvent(task: Task): boolean {
  return metadataOf(task).kind === "moderation";
}

/** Return the metadata of a task. Empty if it is not an object. */
export function metadataOf(task: Task): Record<string, unknown> {
  try {
    const results: unknown = JSON.parse(task.metadata ?? "{}");
    return results && typeof results === "object" ? (results as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const PROPOSAL_TOAST_MS = 10_000;

/** Count the tasks that wait for approval, for the badge, without loading the queue. */
export async function countWaiting(): Promise<void> {
  if (queueState.value === "ready" || !opens("queue")) return;
  try {
    const { pagination } = await data<{ pagination: { total: number } }>(
      "GET",
      query(PATH, { status: "pending_confirmation", limit: 1 }),
    );
    totals.value = { ...totals.value, pending_confirmation: pagination.total };
  } catch {
    // The user did not ask for this request. The next event counts again.
  }
}
onRecovery(() => void countWaiting());

const changedIds = new Set<string>();
let refreshTimer = 0;

const buffer = new EventBuffer(applyEvent);

export function handleQueueEvent(event: LiveEvent): void {
  buffer.push(event);
}

function applyEvent(event: LiveEvent): void {
  if (event.type === "settings_changed" && settings.value) {
    settings.value = { ...settings.value, ...(event.settings as Partial<Settings>) };
  }
  if (event.type !== "queue_changed") return;
  const id = String(event.itemId);
  const isProposal = event.changeType === "added" && event.newStatus === "pending_confirmation";
  // Elsewhere than on the queue's page a proposal would arrive unseen.
  if (isProposal && route.value.page !== "queue")
    showToast(t("queue.proposed", { title: String(event.itemTitle) }), null, PROPOSAL_TOAST_MS, href("queue", id));
  if (queueState.value !== "ready") {
    clearTimeout(refreshTimer);
    refreshTimer = setTimeout(() => void countWaiting(), 300);
    return;
  }
  if (event.newStatus === "expired") showToast(t("proposal.expired", { title: String(event.itemTitle) }));
  if (event.changeType === "removed") removeTask(id);
  else changedIds.add(id);
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(refreshChanged, 300);
}

// What failed while the server was away is asked again once it is back.
onRecovery(() => {
  if (changedIds.size) void refreshChanged();
});

async function refreshChanged(): Promise<void> {
  const ids = [...changedIds];
  changedIds.clear();
  if (ids.length > MAX_SINGLE_READS) return loadQueue();
  const results = await Promise.allSettled(ids.map((id) => data<Task>("GET", `${PATH}/${id}`)));
  for (const [at, each] of results.entries()) {
    if (each.status === "fulfilled") putTask(each.value);
    // The task was deleted meanwhile.
    else if (each.reason instanceof ApiError && each.reason.status === 404) removeTask(ids[at]!);
    else changedIds.add(ids[at]!);
  }
}
