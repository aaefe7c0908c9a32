import { signal } from "@preact/signals";
import { showError, showToast } from "../ui/toasts";
import { data, ApiError } from "./api";
import { t } from "./i18n";
import type { LiveEvent } from "./live";
import { go } from "./router";
import { me } from "./session";
import { registerWorker } from "./worker";

const PATH = "api/v2/push";
const STORAGE_KEY = "fluxden.push";

/** Whether this browser has a push subscription. Null if it can't have one. */
export const pushEnabled = signal<boolean | null>(null);

export interface Subscription {
  id: string;
  host: string;
  createdAt: string;
  state: "active" | "paused" | "ended";
  stoppedAt: string | null;
  reason: string | null;
  encrypted: boolean;
}

/** The subscriptions of all browsers of the user. Null before they are loaded. */
export const subscriptions = signal<Subscription[] | null>(null);

export async function loadSubscriptions(): Promise<Subscription[]> {
  subscriptions.value = (await data<{ subscriptions: Subscription[] }>("GET", PATH)).subscriptions;
  return subscriptions.value;
}

/** Detect whether this browser supports push notifications and has a subscription. A paused one is resumed. */
export async function detectPush(): Promise<void> {
  const able = me.value?.webPush.available && "serviceWorker" in navigator && "PushManager" in window;
  const existing = able ? await subscription() : null;
  pushEnabled.value = able ? Boolean(existing) : null;
  if (!existing) return;
  try {
    const own = (await loadSubscriptions()).find((each) => each.id === ownId());
    // One of an earlier release has no keys, so its messages are empty.
    if (own?.state === "paused" || (own?.state === "active" && !own.encrypted)) await data("POST", `${PATH}/subscriptions`, existing.toJSON());
    pushEnabled.value = own !== undefined && own.state !== "ended";
  } catch {
    // The user did not ask for this request. The state is detected again when the page is loaded.
  }
}

/** The id of this browser's subscription. */
export const ownId = (): string | null => localStorage.getItem(STORAGE_KEY);

/** Show that a subscription was stopped. */
export function handlePushEvent(event: LiveEvent): void {
  if (event.type !== "push_stopped") return;
  if (event.subscriptionId === ownId() && event.state === "ended") pushEnabled.value = false;
  if (subscriptions.value) void loadSubscriptions().catch(() => {});
  showToast(t(event.state === "ended" ? "push.endedToast" : "push.pausedToast", { host: String(event.host) }));
}

export async function removeBrowser(id: string): Promise<void> {
  await data("DELETE", `${PATH}/subscriptions/${id}`);
  subscriptions.value = subscriptions.value?.filter((each) => each.id !== id) ?? null;
  if (id !== ownId()) return;
  await removeSubscription();
  pushEnabled.value = false;
}

async function subscription(): Promise<PushSubscription | null> {
  return (await (await navigator.serviceWorker.getRegistration())?.pushManager.getSubscription()) ?? null;
}

export async function setPush(on: boolean): Promise<void> {
  try {
    if (on) await subscribe();
    else await unsubscribe();
    pushEnabled.value = on;
    showToast(t(on ? "push.isOn" : "push.isOff"));
  } catch (error) {
    showError(error);
  }
}

/** Follow the service worker to the notification that was clicked, also before signing in. */
export function followClickedNotifications(): void {
  navigator.serviceWorker?.addEventListener("message", ({ data: page }: MessageEvent<unknown>) => {
    if (typeof page === "string" && /^(newest|(inbox|queue)\/[\w-]+)$/.test(page)) go(`#/${page}`);
  });
}

async function subscribe(): Promise<void> {
  if ((await Notification.requestPermission()) !== "granted") throw new ApiError(t("push.denied"), 0);
  const { publicKey } = await data<{ publicKey: string | null }>("GET", PATH);
  // One that was made for another key of the desk, or that has ended, is of no use.
  await (await subscription())?.unsubscribe();
  const registration = await registerWorker();
  await navigator.serviceWorker.ready;
  const created = await registration.pushManager
    .subscribe({ userVisibleOnly: true, applicationServerKey: publicKey })
    .catch(() => {
      throw new ApiError(t("push.unable"), 0);
    });
  const { id } = await data<{ id: string }>("POST", `${PATH}/subscriptions`, created.toJSON());
  localStorage.setItem(STORAGE_KEY, id);
}

async function unsubscribe(): Promise<void> {
  const id = ownId();
  await removeSubscription();
  if (id) await data("DELETE", `${PATH}/subscriptions/${id}`);
}

/** Remove this browser's subscription. The server deletes it when the next push fails. */
export async function removeSubscription(): Promise<void> {
  localStorage.removeItem(STORAGE_KEY);
  pushEnabled.value = null;
  if ("serviceWorker" in navigator) await (await subscription())?.unsubscribe();
}
