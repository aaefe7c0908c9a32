import { signal } from "@preact/signals";
import { showError } from "../ui/toasts";
import { data, query } from "./api";
import type { LiveEvent } from "./live";
import { EventBuffer } from "./event-buffer";

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
export const chatState = signal<"loading" | "ready" | "more" | { error: unknown }>("loading");
/** What was said while nobody looked. */
export const unreadMessages = signal(0);
export const isChatOpen = signal(false);

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
  } catch (error) {
    chatState.value = { error };
  }
}

export async function loadEarlier(): Promise<void> {
  if (chatState.value !== "ready" || !before.value) return;
  chatState.value = "more";
  try {
    const found = await data<Page>("GET", query(`${PATH}/messages`, { limit: 50, cursor: before.value }));
    messages.value = [...found.messages, ...messages.value];
    before.value = found.pagination.cursor;
  } catch (error) {
    showError(error);
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
  } catch (error) {
    messages.value = messages.value.map((each) => (each.id === draft.id ? { ...each, sending: "failed" } : each));
    showError(error);
  }
}

const loading = new EventBuffer(follow);

export function handleChatEvent(frame: LiveEvent): void {
  loading.take(frame);
}

function follow(frame: LiveEvent): void {
  if (frame.type !== "new_message") return;
  const message = frame.message as Message;
  if (!isChatOpen.value && message.role !== "user") unreadMessages.value += 1;
  if (chatState.value === "loading" || typeof chatState.value === "object") return;
  if (messages.value.some((each) => each.id === message.id)) return;
  // One's own comes back here while the answer to sending it is still on its way.
  const draft = messages.value.find((each) => each.sending === "pending" && each.content === message.content);
  messages.value = draft
    ? messages.value.map((each) => (each === draft ? message : each))
    : [...messages.value, message];
}
