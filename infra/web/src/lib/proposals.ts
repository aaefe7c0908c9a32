import { signal } from "@preact/signals";
import { showToast } from "../ui/toasts";
import { ApiError, data } from "./api";
import { t } from "./i18n";
import type { LiveEvent } from "./live";
import { metadataOf, type Task } from "./queue";
import { href } from "./router";

/** What an agent wants to do. */
export interface Proposal {
  tool: string;
  arguments: Record<string, unknown>;
  why: string;
  otherwise?: string;
  expiresAt?: string;
  reversible: boolean;
}

export interface Comment {
  author: "person" | "agent";
  name: string;
  text: string;
  at: string;
}

export interface Approval {
  state: "waiting" | "approved" | "rejected" | "expired";
  comments: Comment[];
}

const TOAST_MS = 10_000;

/** Return what the task's agent wants to do; null for a task without a proposal. Older rows may hold anything. */
export function proposalOf(task: Task): Proposal | null {
  const found = metadataOf(task).proposal as Partial<Proposal> | null | undefined;
  if (!found || typeof found !== "object" || typeof found.tool !== "string" || typeof found.why !== "string") return null;
  const given = found.arguments;
  const named = given && typeof given === "object" && !Array.isArray(given) ? given : {};
  return { ...(found as Proposal), arguments: named };
}

/** How a value is edited: as text, as a number, as a box to tick, or else as JSON. */
export type Kind = "text" | "number" | "boolean" | "json";

export function kindOf(value: unknown): Kind {
  if (typeof value === "string") return "text";
  if (typeof value === "number") return "number";
  return typeof value === "boolean" ? "boolean" : "json";
}

export const textOf = (value: unknown, indent?: number): string =>
  typeof value === "string" ? value : JSON.stringify(value, null, indent);

/** Return the arguments that the form changes. A field that is not valid is an error, which the form shows. */
export function editsOf(proposal: Proposal, form: FormData): Record<string, unknown> {
  const edits: Record<string, unknown> = {};
  for (const [name, was] of Object.entries(proposal.arguments)) {
    const value = read(name, was, form);
    if (JSON.stringify(value) !== JSON.stringify(was)) edits[name] = value;
  }
  return edits;
}

function read(name: string, was: unknown, form: FormData): unknown {
  const kind = kindOf(was);
  if (kind === "boolean") return form.has(`argument.${name}`);
  // Forms send line ends as CRLF.
  const text = String(form.get(`argument.${name}`) ?? "").replaceAll("\r\n", "\n");
  if (kind === "text") return text;
  try {
    const value: unknown = JSON.parse(text);
    if (kind === "json" || typeof value === "number") return value;
  } catch {
    // Refused below.
  }
  throw new ApiError(t("proposal.notJson", { name }), 400);
}

/** The task whose discussion is open. */
export const discussed = signal("");
/** The newest comment that arrived: its task, and how many that has. */
export const commented = signal<{ id: string; count: number }>({ id: "", count: 0 });

export const loadApproval = (task: Task) => data<Approval>("GET", `api/v2/queue/${task.id}/approval`);

export const sendComment = (task: Task, text: string) =>
  data<Approval>("POST", `api/v2/queue/${task.id}/comments`, { text });

export function handleCommentEvent(event: LiveEvent): void {
  if (event.type !== "queue_comment") return;
  const id = String(event.itemId);
  commented.value = { id, count: Number(event.comments) };
  const { author, name, text } = event.comment as Comment;
  if (author === "agent" && discussed.value !== id)
    showToast(t("proposal.asked", { name, text }), null, TOAST_MS, href("queue", id));
}
