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
  /** Set while the server has not stored the message. */
  sending?: "pending" | "failed";
}

interface Page {
  messages: Message[];
  pagination: { cursor: string | null; hasMore: boolean };
}

const PATH = "api/v2/shared-chat";

export const messages = signal<Message[]>([]);
export const earlierCursor = signal<string | null>(null);
export const chatState = signal<"loading" | "ready" | "more" | { error: unknown }>("loading");
/** The number of agent messages that arrived while the chat page was closed. */
export const unreadMessages = signal(0);
export const isChatOpen = signal(false);

export function loadChat(): Promise<void> {
  return buffer.holdDuring(readLatest);
}

/** Reload the messages if they are loaded. */
export async function refreshChat(): Promise<void> {
  if (hasLoaded) await loadChat();
}

let hasLoaded = false;

async function readLatest(): Promise<void> {
  hasLoaded = true;
  if (chatState.value !== "ready") chatState.value = "loading";
  try {
    const page = await data<Page>("GET", query(`${PATH}/messages`, { limit: 50 }));
    messages.value = page.messages;
    earlierCursor.value = page.pagination.cursor;
    chatState.value = "ready";
  } catch (error) {
    chatState.value = { error };
  }
}

export async function loadEarlier(): Promise<void> {
  if (chatState.value !== "ready" || !earlierCursor.value) return;
  chatState.value = "more";
  try {
    const page = await data<Page>("GET", query(`${PATH}/messages`, { limit: 50, cursor: earlierCursor.value }));
    messages.value = [...page.messages, ...messages.value];
    earlierCursor.value = page.pagination.cursor;
  } catch (error) {
    showError(error);
  }
  chatState.value = "ready";
}

export async function sendMessage(content: string, failedId?: string): Promise<void> {
  const draft: Message = {
    id: failedId ?? `draft-${crypto.randomUUID()}`,
    role: "user",
    content,
    createdAt: new Date().toISOString(),
    sending: "pending",
  };
  messages.value = failedId
    ? messages.value.map((each) => (each.id === failedId ? draft : each))
    : [...messages.value, draft];
  try {
    const stored = await data<Message>("POST", `${PATH}/send`, { content, role: "user" });
    // The live event may arrive before the response.
    const isListed = messages.value.some((each) => each.id === stored.id);
    messages.value = messages.value.flatMap((each) => (each.id === draft.id ? (isListed ? [] : [stored]) : [each]));
  } catch (error) {
    messages.value = messages.value.map((each) => (each.id === draft.id ? { ...each, sending: "failed" } : each));
    showError(error);
  }
}

const buffer = new EventBuffer(applyEvent);

export function handleChatEvent(event: LiveEvent): void {
  buffer.push(event);
}

function applyEvent(event: LiveEvent): void {
  if (event.type !== "new_message") return;
  const message = event.message as Message;
  if (!isChatOpen.value && message.role !== "user") unreadMessages.value += 1;
  if (chatState.value === "loading" || typeof chatState.value === "object") return;
  if (messages.value.some((each) => each.id === message.id)) return;
  // A live event is cut at 32 KB.
  if (event.truncated) {
    void loadChat();
    return;
  }
  // The user's own message may arrive as a live event before the response to sending it.
  const draft = messages.value.find((each) => each.sending === "pending" && each.content === message.content);
  messages.value = draft
    ? messages.value.map((each) => (each === draft ? message : each))
    : inOrder(messages.value, message);
}

/** Add a message by its id, which begins with its time. Live events of a person with many connections may overtake another. */
function inOrder(list: Message[], message: Message): Message[] {
  let at = list.length;
  while (at > 0 && !list[at - 1]!.sending && list[at - 1]!.id > message.id) at -= 1;
  return [...list.slice(0, at), message, ...list.slice(at)];
}
