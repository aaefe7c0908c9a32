import { effect } from "@preact/signals";
import { call, query } from "./api";
import { PATH } from "./inbox";
import type { Delivery, Item } from "./inbox-items";
import { keep, type KeptItem, noteContact, readKept } from "./kept";
import { connectionState, type LiveEvent } from "./live";
import { me, opens, usesSession } from "./session";
import { now } from "./time";
import { registerWorker } from "./worker";

const KEPT = 50;
const FIRST_AFTER = 3_000;
const AGAIN_AFTER = 20_000;
// Contents are read one by one, at a third of the rate limit.
const PAUSE = 1_500;

/**
 * Whether this is an installed console, in a browser that can open it without a network.
 *
 * Only that keeps notifications on the machine: a browser on a shared computer does not.
 */
const isInstalled = (): boolean =>
  matchMedia("(display-mode: standalone)").matches && "serviceWorker" in navigator && "caches" in window;

let timer = 0;
let isKeeping = false;
let isStale = false;

/** Let an installed console open without a network, and keep the newest notifications of its session. */
export function startKeeping(): void {
  if (!isInstalled()) return;
  // A browser that refuses the service worker has the console as before.
  registerWorker().catch(() => {});
  effect(() => {
    if (me.value && now.value && connectionState.value === "live") noteContact();
  });
  effect(() => {
    if (me.value) keepSoon(FIRST_AFTER);
  });
}

/** Keep what a live event tells of. */
export function handleKeptEvent(event: LiveEvent): void {
  if ("deliveryId" in event || event.type === "deliveries_changed") keepSoon(AGAIN_AFTER);
}

function keepSoon(wait: number): void {
  if (!isInstalled() || !usesSession() || !opens("inbox")) return;
  if (isKeeping) isStale = true;
  else timer ||= setTimeout(() => void refresh(), wait);
}

async function refresh(): Promise<void> {
  timer = 0;
  isKeeping = true;
  isStale = false;
  try {
    await keepNewest(me.value!.id);
  } catch {
    // Without a network the older ones stay. The user did not ask for this.
  }
  isKeeping = false;
  if (isStale) keepSoon(AGAIN_AFTER);
}

async function keepNewest(userId: string): Promise<void> {
  const known = new Map((await readKept(userId))?.items.map((each) => [each.deliveryId, each]));
  const { items } = await call<{ items: Item[] }>("GET", query(PATH, { limit: KEPT }));
  const kept: KeptItem[] = items.map((each) => ({ ...known.get(each.deliveryId), ...each }));
  await keep(userId, kept);
  for (const [at, item] of kept.entries()) {
    const before = known.get(item.deliveryId);
    const isSame = before?.fireCount === item.fireCount && before?.resolvedAt === item.resolvedAt;
    if (before?.actions && isSame) continue;
    kept[at] = await call<Delivery>("GET", `${PATH}/${encodeURIComponent(item.deliveryId)}`);
    await keep(userId, kept);
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}
