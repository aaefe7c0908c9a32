import { signal } from "@preact/signals";
import { key, me } from "./session";

/** What the desk tells: the members depend on the type. */
export interface LiveEvent {
  id: string;
  type: string;
  timestamp: string;
  [member: string]: unknown;
}

type Listener = (frame: LiveEvent) => void;

const PING_EVERY = 45_000;
const ANSWER_WITHIN = 10_000;
const LONGEST_WAIT = 20_000;
// The desk keeps frames for a day; after a longer absence everything is read anew.
const RESUMABLE = 23 * 60 * 60 * 1000;

export const online = signal<"connecting" | "live" | "waiting">("connecting");

const listeners = new Set<Listener>();
const restarts = new Set<() => void>();

/** Hear every frame, once. Returns the way to stop. */
export function hear(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Be told when so much was missed that lists must be read anew. Returns the way to stop. */
export function onResync(listener: () => void): () => void {
  restarts.add(listener);
  return () => restarts.delete(listener);
}

let socket: WebSocket | null = null;
let tries = 0;
let retry = 0;
let pulse = 0;
let overdue = 0;
// Up to `told` everything has surely been heard; `heard` are the frames since, which a resumption may tell again.
let told = "";
let toldAt = 0;
let heard = new Set<string>();

/** Open the connection, and keep it open for as long as somebody is signed in. */
export function connect(): void {
  drop();
  open();
}

function open(): void {
  const url = me.value?.urls.socket;
  if (!url) return;
  online.value = tries ? "waiting" : "connecting";
  const made = new WebSocket(url, ["bearer", key.value]);
  socket = made;
  // A network that swallows everything refuses nothing either.
  clearTimeout(overdue);
  overdue = setTimeout(comeBack, ANSWER_WITHIN);
  made.onopen = () => {
    if (told && Date.now() - toldAt < RESUMABLE) made.send(JSON.stringify({ action: "resume", after: told }));
    else if (told) for (const each of restarts) each();
  };
  made.onmessage = (message) => {
    if (made === socket) take(JSON.parse(String(message.data)) as LiveEvent);
  };
  made.onclose = made.onerror = () => {
    if (made === socket) comeBack();
  };
}

function take(frame: LiveEvent): void {
  clearTimeout(overdue);
  if (frame.type === "connected" || frame.type === "heartbeat") {
    if (frame.type === "connected") {
      tries = 0;
      online.value = "live";
      clearInterval(pulse);
      pulse = setInterval(ping, PING_EVERY);
      // What a first connection is told of is what its lists were read with.
      if (told) return;
    }
    told = frame.id;
    toldAt = Date.now();
    heard = new Set([...heard].filter((id) => id > told));
    return;
  }
  if (frame.type === "error") return;
  if (heard.has(frame.id)) return;
  heard.add(frame.id);
  for (const each of listeners) each(frame);
}

function ping(): void {
  if (socket?.readyState !== WebSocket.OPEN) return;
  socket.send('{"action":"ping"}');
  clearTimeout(overdue);
  overdue = setTimeout(comeBack, ANSWER_WITHIN);
}

function comeBack(): void {
  drop();
  if (!key.value) return;
  online.value = "waiting";
  const wait = Math.min(500 * 2 ** tries, LONGEST_WAIT);
  tries += 1;
  clearTimeout(retry);
  retry = setTimeout(open, wait / 2 + (Math.random() * wait) / 2);
}

function drop(): void {
  clearInterval(pulse);
  clearTimeout(overdue);
  const old = socket;
  socket = null;
  old?.close();
}

function hurry(): void {
  if (!key.value || !me.value) return;
  if (socket === null) {
    clearTimeout(retry);
    open();
  } else {
    ping();
  }
}

addEventListener("online", hurry);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") hurry();
});
