import { signal } from "@preact/signals";
import { dismissToast, showToast } from "../ui/toasts";

/** How long a decision is held back, so that undo means it was never made. */
export const HOLD_MS = 5000;

interface Held {
  send: (leaving: boolean) => Promise<unknown>;
  timer: number;
  toast: number;
}

const held = signal<ReadonlyMap<string, Held>>(new Map());

/** Whether the decision on this item is held back. */
export const isHeld = (id: string): boolean => held.value.has(id);

/**
 * Make a decision in five seconds, unless it is undone until then.
 *
 * `send` makes it. If the page is left before, it is made at once, with `leaving`: the request must outlive the page.
 */
export function hold(id: string, text: string, send: (leaving: boolean) => Promise<unknown>): void {
  cancelHold(id);
  const toast = showToast(text, () => cancelHold(id), HOLD_MS);
  const timer = setTimeout(() => void release(id), HOLD_MS);
  held.value = new Map(held.value).set(id, { send, timer, toast });
}

/** Drop a decision that is held back. Nothing of it has left this page. */
export function cancelHold(id: string): void {
  take(id);
}

/** Make all decisions that are held back now. */
export function releaseHolds({ leaving = false } = {}): Promise<unknown> {
  return Promise.all([...held.value.keys()].map((id) => release(id, leaving)));
}

async function release(id: string, leaving = false): Promise<void> {
  await take(id)?.send(leaving);
}

function take(id: string): Held | undefined {
  const found = held.value.get(id);
  if (!found) return undefined;
  clearTimeout(found.timer);
  dismissToast(found.toast);
  const rest = new Map(held.value);
  rest.delete(id);
  held.value = rest;
  return found;
}

// Also when the tab closes, or the user goes to another page.
addEventListener("pagehide", () => void releaseHolds({ leaving: true }));
