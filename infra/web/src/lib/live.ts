import { signal } from "@preact/signals";
import { ApiError, data } from "./api";
import { t } from "./i18n";
import { accessNumber, key, me, signOut, usesSession } from "./session";

/** One event of the live stream. Its members depend on its type. */
export interface LiveEvent {
  id: string;
  type: string;
  timestamp: string;
  [member: string]: unknown;
}

type Listener = (event: LiveEvent) => void;

// After so much silence the server is asked for a heartbeat. In a visible tab, used or idle, a broken connection shows
// within five seconds; a hidden one costs fewer messages.
const SILENCE = { visible: 2_500, hidden: 45_000 };
// Without a response for so long the page no longer calls itself live, and then connects anew.
const DOUBT_AFTER = 1_500;
const RESPONSE_TIMEOUT = 6_000;
const OPENING_TIMEOUT = 10_000;
const MAX_RETRY_DELAY = 20_000;
// The server keeps live events for a day. After a longer absence, everything is reloaded.
const MAX_RESUME_AGE = 23 * 60 * 60 * 1000;

export const connectionState = signal<"connecting" | "live" | "waiting">("connecting");

const listeners = new Set<Listener>();
const resyncListeners = new Set<() => void>();

/** Call `listener` once for every live event. Returns a function that unsubscribes. */
export function subscribe(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Call `listener` when so much was missed that lists must be reloaded. Returns a function that unsubscribes. */
export function onResync(listener: () => void): () => void {
  resyncListeners.add(listener);
  return () => resyncListeners.delete(listener);
}

let socket: WebSocket | null = null;
let attempts = 0;
let openings = 0;
let retryTimer = 0;
let watchTimer = 0;
let responseTimer = 0;
let heardAt = 0;
let pingedAt = 0;
// Every event up to `resumePoint` has been handled. `seenIds` are later ones, which the server may send again on resume.
let resumePoint = "";
let resumePointAt = 0;
let seenIds = new Set<string>();
// Whether the open socket asked for what it has missed. A heartbeat may arrive before `connected`, so `resumePoint` can't tell.
let isResuming = false;

/** Open the socket, and keep it open while the user is signed in. */
export function connect(): void {
  closeSocket();
  open();
}

function open(): void {
  const url = me.value?.urls.socket;
  if (!url) return;
  connectionState.value = attempts ? "waiting" : "connecting";
  const opening = ++openings;
  credential().then(
    (text) => opening === openings && openWith(url, text),
    () => opening === openings && reconnect(),
  );
}

/** Return what opens a socket: the key of this tab, or a ticket of the session, whose cookie another host doesn't get. */
async function credential(): Promise<string> {
  if (!usesSession()) return key.value;
  return (await data<{ ticket: string }>("POST", "api/v2/me/socket-tickets")).ticket;
}

function openWith(url: string, credential: string): void {
  const opened = new WebSocket(url, ["bearer", credential]);
  socket = opened;
  // A broken network may drop packets without closing the socket.
  clearTimeout(responseTimer);
  responseTimer = setTimeout(reconnect, OPENING_TIMEOUT);
  opened.onopen = () => {
    isResuming = Boolean(resumePoint) && Date.now() - resumePointAt < MAX_RESUME_AGE;
    if (isResuming) opened.send(JSON.stringify({ action: "resume", after: resumePoint }));
    sendPing(opened);
  };
  opened.onmessage = (message) => {
    if (opened === socket) receive(JSON.parse(String(message.data)) as LiveEvent);
  };
  opened.onclose = opened.onerror = () => {
    if (opened !== socket) return;
    reconnect();
    void probe();
  };
}

/** Find out whether a closed or refused socket means that the key or session has ended; it says no reason. */
async function probe(): Promise<void> {
  const access = accessNumber();
  try {
    await data("GET", "api/v2/me");
  } catch (error) {
    const isRefused = error instanceof ApiError && [401, 403].includes(error.status);
    if (isRefused && access === accessNumber()) signOut(t("error.signedOut"));
  }
}

function receive(event: LiveEvent): void {
  clearTimeout(responseTimer);
  heardAt = Date.now();
  pingedAt = 0;
  if (watchTimer) connectionState.value = "live";
  if (event.type === "connected" || event.type === "heartbeat") {
    if (event.type === "connected") {
      attempts = 0;
      connectionState.value = "live";
      clearInterval(watchTimer);
      watchTimer = setInterval(watch, 500);
      // `resumePoint` moves at heartbeats only. What is resumed arrives after this.
      if (isResuming) return;
      // The lists may have been read before the server knew of this socket.
      for (const each of resyncListeners) each();
    }
    resumePoint = event.id;
    resumePointAt = Date.now();
    seenIds = new Set([...seenIds].filter((id) => id > resumePoint));
    return;
  }
  if (event.type === "error") return;
  if (seenIds.has(event.id)) return;
  seenIds.add(event.id);
  for (const each of listeners) each(event);
}

/** Ask for a heartbeat, and say whether this tab is visible: else browser notifications are sent. */
function sendPing(to: WebSocket): void {
  to.send(JSON.stringify({ action: "ping", visible: document.visibilityState === "visible" }));
}

function ping(): void {
  if (socket?.readyState !== WebSocket.OPEN) return;
  sendPing(socket);
  pingedAt ||= Date.now();
  clearTimeout(responseTimer);
  responseTimer = setTimeout(reconnect, RESPONSE_TIMEOUT);
}

/** Ask a silent server for a heartbeat, and doubt a connection on which none comes. */
function watch(): void {
  const silence = document.visibilityState === "hidden" ? SILENCE.hidden : SILENCE.visible;
  if (pingedAt) {
    if (Date.now() - pingedAt >= DOUBT_AFTER) connectionState.value = "connecting";
  } else if (Date.now() - heardAt >= silence) {
    ping();
  }
}

function reconnect(): void {
  closeSocket();
  if (!me.value) return;
  connectionState.value = "waiting";
  const delay = Math.min(500 * 2 ** attempts, MAX_RETRY_DELAY);
  attempts += 1;
  clearTimeout(retryTimer);
  retryTimer = setTimeout(open, delay / 2 + (Math.random() * delay) / 2);
}

function closeSocket(): void {
  clearInterval(watchTimer);
  watchTimer = 0;
  pingedAt = 0;
  clearTimeout(responseTimer);
  const old = socket;
  socket = null;
  old?.close();
}

function reconnectNow(): void {
  if (!me.value) return;
  if (socket === null) {
    clearTimeout(retryTimer);
    open();
  } else {
    ping();
  }
}

addEventListener("online", reconnectNow);
addEventListener("offline", () => {
  if (me.value) reconnect();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") reconnectNow();
  else ping();
});
