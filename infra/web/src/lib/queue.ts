import { signal } from "@preact/signals";
import { showError, showToast } from "../ui/toasts";
import { data, ApiError, query } from "./api";
import { t } from "./i18n";
import type { LiveEvent } from "./live";
import { EventBuffer } from "./event-buffer";

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
}

export interface Settings {
  mode: "cockpit" | "chief_of_staff";
  queueAutoApprove: boolean;
}

interface Changed extends Partial<Settings> {
  autoDispatched?: Task;
  briefing?: { completedToday: number; stillReady: number; blocked: number; message: string };
}

const PATH = "api/v2/queue";
const SHOWN = { pending_confirmation: 100, in_progress: 50, ready: 100, blocked: 50, done_today: 20 };
const RANK = { urgent: 0, high: 1, medium: 2, low: 3 };
// Beyond so many changes at a time, reading all anew costs less than reading each.
const MANY = 6;

export const tasks = signal<Task[]>([]);
export const totals = signal<Partial<Record<Status, number>>>({});
export const queueState = signal<"loading" | "ready" | { error: unknown }>("loading");
export const settings = signal<Settings | null>(null);
export const briefing = signal<string | null>(null);

let asked = 0;

export function loadQueue(): Promise<void> {
  return loading.during(readQueue);
}

async function readQueue(): Promise<void> {
  const turn = ++asked;
  if (queueState.value !== "ready") queueState.value = "loading";
  try {
    const [set, ...pages] = await Promise.all([
      data<Settings>("GET", "api/v2/settings"),
      ...STATUSES.map((status) =>
        data<{ items: Task[]; pagination: { total: number } }>("GET", query(PATH, { status, limit: SHOWN[status] })),
      ),
    ]);
    if (turn !== asked) return;
    settings.value = set;
    tasks.value = pages.flatMap((page) => page.items);
    totals.value = Object.fromEntries(STATUSES.map((status, at) => [status, pages[at]!.pagination.total]));
    queueState.value = "ready";
  } catch (error) {
    if (turn === asked) queueState.value = { error };
  }
}

/** The tasks of a status, as the desk orders them: the most urgent first, then the oldest. */
export function tasksOf(status: Status): Task[] {
  return tasks.value
    .filter((each) => each.status === status)
    .sort((one, two) => RANK[one.priority] - RANK[two.priority] || one.createdAt.localeCompare(two.createdAt));
}

function place(task: Task): void {
  const before = tasks.value.find((each) => each.id === task.id);
  tasks.value = before ? tasks.value.map((each) => (each.id === task.id ? task : each)) : [...tasks.value, task];
  recount(before?.status, task.status);
}

function drop(id: string): void {
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

function dispatched(task: Task | null | undefined): void {
  if (!task) return;
  place(task);
  showToast(t("queue.dispatched", { title: task.title }));
}

export async function approve(task: Task, recipient?: string): Promise<boolean> {
  place({ ...task, status: "ready" });
  try {
    const body = recipient ? { action: "approve", recipient } : { action: "approve" };
    const told = await data<Partial<Task>>("POST", `${PATH}/${task.id}/confirm`, body);
    if (told.id && told.status) place({ ...task, ...told });
    showToast(t("queue.approved", { title: task.title }));
    return true;
  } catch (error) {
    place(task);
    showError(error);
    return false;
  }
}

/** Reject a task: it is gone. What is no one else's can be put back as it was. */
export async function reject(task: Task): Promise<void> {
  drop(task.id);
  try {
    await data("POST", `${PATH}/${task.id}/confirm`, { action: "reject" });
    showToast(t("queue.rejected", { title: task.title }), isHeldEvent(task) ? null : () => void add(task));
  } catch (error) {
    place(task);
    showError(error);
  }
}

export async function move(task: Task, status: Status): Promise<void> {
  place({ ...task, status });
  try {
    const told = await data<Task & { autoDispatched: Task | null }>("POST", `${PATH}/${task.id}/status`, { status });
    place(told);
    dispatched(told.autoDispatched);
  } catch (error) {
    place(task);
    showError(error);
  }
}

export type NewTask = Pick<Task, "title" | "priority"> & Partial<Pick<Task, "type" | "description" | "source" | "metadata">>;

export async function add(given: NewTask): Promise<boolean> {
  const { title, priority, type, description, source, metadata } = given;
  const body = { title, priority, type, description, source, metadata: metadata ? JSON.parse(metadata) : undefined };
  try {
    place(await data<Task>("POST", PATH, body));
    return true;
  } catch (error) {
    showError(error);
    return false;
  }
}

export async function changeSettings(wanted: Partial<Settings>): Promise<void> {
  const before = settings.value;
  if (!before) return;
  settings.value = { ...before, ...wanted };
  briefing.value = null;
  try {
    const told = await data<Changed>("PATCH", "api/v2/settings", wanted);
    briefing.value = told.briefing?.message ?? null;
    dispatched(told.autoDispatched);
  } catch (error) {
    settings.value = before;
    showError(error);
  }
}

/** Whether the task loadState for an event that waits for a moderator, rather than for itself. */
export function isHeldEvent(task: Task): boolean {
  return metadataOf(task).kind === "moderation";
}

/** What is known about a task besides: an object, whatever was kept. */
export function metadataOf(task: Task): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(task.metadata ?? "{}");
    return found && typeof found === "object" ? (found as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const changed = new Set<string>();
let catching = 0;

const loading = new EventBuffer(follow);

export function handleQueueEvent(frame: LiveEvent): void {
  loading.take(frame);
}

function follow(frame: LiveEvent): void {
  if (frame.type === "settings_changed" && settings.value) {
    settings.value = { ...settings.value, ...(frame.settings as Partial<Settings>) };
  }
  if (frame.type !== "queue_changed" || queueState.value !== "ready") return;
  const id = String(frame.itemId);
  if (frame.changeType === "removed") drop(id);
  else changed.add(id);
  clearTimeout(catching);
  catching = setTimeout(catchUp, 300);
}

async function catchUp(): Promise<void> {
  const ids = [...changed];
  changed.clear();
  if (ids.length > MANY) return loadQueue();
  const found = await Promise.allSettled(ids.map((id) => data<Task>("GET", `${PATH}/${id}`)));
  for (const [at, each] of found.entries()) {
    if (each.status === "fulfilled") place(each.value);
    // Gone again already.
    else if (each.reason instanceof ApiError && each.reason.status === 404) drop(ids[at]!);
  }
}
