import { signal } from "@preact/signals";
import type { Delivery, Item } from "./inbox-items";

/** A delivery as it is kept. Without `actions` its content has not been read. */
export type KeptItem = Item & Partial<Delivery>;

/** The newest notifications of a person, which an installed console shows when it opens without a network. */
export interface KeptInbox {
  userId: string;
  items: KeptItem[];
  /** When the desk was heard of last, in milliseconds. */
  at: number;
}

const CACHE = "fluxden-inbox";
const ENTRY = "kept-inbox";
// Whose notifications are kept, and when the desk was heard of. Without it they are not read, whatever is stored.
const STORAGE_KEY = "fluxden.kept";
// As long as a session lasts that nobody uses.
const KEPT_MS = 12 * 60 * 60 * 1000;

/** What is shown instead of the console, because the desk can't be reached. */
export const keptInbox = signal<KeptInbox | null>(null);

interface Pointer {
  userId: string;
  at: number;
}

function pointer(): Pointer | null {
  try {
    return JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "null") as Pointer | null;
  } catch {
    return null;
  }
}

// What was begun before the user signed out must not be stored after it.
let isForgotten = false;

/** Keep notifications of the person who is signed in. */
export async function keep(userId: string, items: KeptItem[]): Promise<void> {
  if (isForgotten) return;
  localStorage.setItem(STORAGE_KEY, JSON.stringify({ userId, at: Date.now() } satisfies Pointer));
  await (await caches.open(CACHE)).put(ENTRY, new Response(JSON.stringify(items)));
}

/** Note that the desk answers. */
export function noteContact(): void {
  const known = pointer();
  if (known) localStorage.setItem(STORAGE_KEY, JSON.stringify({ ...known, at: Date.now() } satisfies Pointer));
}

/** Return what is kept of this person. What is another's, or older than a session, is removed. */
export async function readKept(userId: string | null): Promise<KeptInbox | null> {
  const known = pointer();
  if (!known) return null;
  if (known.userId !== userId || Date.now() - known.at > KEPT_MS) {
    await remove();
    return null;
  }
  const stored = await (await caches.open(CACHE)).match(ENTRY);
  return stored ? { ...known, items: (await stored.json()) as KeptItem[] } : null;
}

/** Remove what is kept, unless it is this person's. */
export async function forgetKept(except: string | null = null): Promise<void> {
  isForgotten = except === null;
  const known = pointer();
  if (known && known.userId !== except) await remove();
}

async function remove(): Promise<void> {
  localStorage.removeItem(STORAGE_KEY);
  keptInbox.value = null;
  await caches.delete(CACHE).catch(() => false);
}
