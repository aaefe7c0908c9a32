import { signal } from "@preact/signals";
import { complain } from "../ui/toasts";
import { data, query } from "./api";
import type { Frame } from "./live";
import { Loading } from "./loading";

export interface Message {
  id: string;
  role: "user" | "assistant" | "system";
  content: string;
  agentName?: string;
  createdAt: string;
  /** Not yet, or never, at the desk. */
  sending?: "pending" | "failed";
}

interface Page {
  messages: Message[];
  pagination: { cursor: string | null; hasMore: boolean };
}

const PATH = "api/v2/shared-chat";

export const messages = signal<Message[]>([]);
export const before = signal<string | null>(null);
export const chatState = signal<"loading" | "ready" | "more" | { fault: unknown }>("loading");
/** What was said while nobody looked. */
export const unseen = signal(0);
export const looking = signal(false);

export function loadChat(): Promise<void> {
  return loading.during(readLatest);
}

async function readLatest(): Promise<void> {
  if (chatState.value !== "ready") chatState.value = "loading";
  try {
    const found = await data<Page>("GET", query(`${PATH}/messages`, { limit: 50 }));
    messages.value = found.messages;
    before.value = found.pagination.cursor;
    chatState.value = "ready";
  } catch (fault) {
    chatState.value = { fault };
  }
}

export async function loadEarlier(): Promise<void> {
  if (chatState.value !== "ready" || !before.value) return;
  chatState.value = "more";
  try {
    const found = await data<Page>("GET", query(`${PATH}/messages`, { limit: 50, cursor: before.value }));
    messages.value = [...found.messages, ...messages.value];
    before.value = found.pagination.cursor;
  } catch (fault) {
    complain(fault);
  }
  chatState.value = "ready";
}

export async function sendMessage(content: string, again?: string): Promise<void> {
  const draft: Message = {
    id: again ?? `draft-${crypto.randomUUID()}`,
    role: "user",
    content,
    createdAt: new Date().toISOString(),
    sending: "pending",
  };
  messages.value = again
    ? messages.value.map((each) => (each.id === again ? draft : each))
    : [...messages.value, draft];
  try {
    const sent = await data<Message>("POST", `${PATH}/send`, { content, role: "user" });
    // The socket may have told of it first.
    const known = messages.value.some((each) => each.id === sent.id);
    messages.value = messages.value.flatMap((each) => (each.id === draft.id ? (known ? [] : [sent]) : [each]));
  } catch (fault) {
    messages.value = messages.value.map((each) => (each.id === draft.id ? { ...each, sending: "failed" } : each));
    complain(fault);
  }
}

const loading = new Loading(follow);

export function hearOfChat(frame: Frame): void {
  loading.take(frame);
}

function follow(frame: Frame): void {
  if (frame.type !== "new_message") return;
  const message = frame.message as Message;
  if (!looking.value && message.role !== "user") unseen.value += 1;
  if (chatState.value === "loading" || typeof chatState.value === "object") return;
  if (messages.value.some((each) => each.id === message.id)) return;
  // One's own comes back here while the answer to sending it is still on its way.
  const draft = messages.value.find((each) => each.sending === "pending" && each.content === message.content);
  messages.value = draft
    ? messages.value.map((each) => (each === draft ? message : each))
    : [...messages.value, message];
}
