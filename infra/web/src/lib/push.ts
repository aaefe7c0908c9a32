import { signal } from "@preact/signals";
import { showError, showToast } from "../ui/toasts";
import { data, ApiError } from "./api";
import { t } from "./i18n";
import { me } from "./session";

const PATH = "api/v2/push";
const STORAGE_KEY = "fluxden.push";
const WORKER = "sw.js";

/** Whether this browser has a push subscription. Null if it can't have one. */
export const pushEnabled = signal<boolean | null>(null);

interface ScriptUrls {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): string };
}

/** Detect whether this browser supports push notifications and has a subscription. */
export async function detectPush(): Promise<void> {
  const able = me.value?.webPush.available && "serviceWorker" in navigator && "PushManager" in window;
  pushEnabled.value = able ? Boolean(await subscription()) : null;
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

async function subscribe(): Promise<void> {
  if ((await Notification.requestPermission()) !== "granted") throw new ApiError(t("push.denied"), 0);
  const { publicKey } = await data<{ publicKey: string | null }>("GET", PATH);
  const registration = await navigator.serviceWorker.register(workerUrl(), { scope: "./" });
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
  const id = localStorage.getItem(STORAGE_KEY);
  await removeSubscription();
  if (id) await data("DELETE", `${PATH}/subscriptions/${id}`);
}

/** Remove this browser's subscription. The server deletes it when the next push fails. */
export async function removeSubscription(): Promise<void> {
  localStorage.removeItem(STORAGE_KEY);
  pushEnabled.value = null;
  if ("serviceWorker" in navigator) await (await subscription())?.unsubscribe();
}

/** Return the URL of the service worker. The trusted types policy allows no other script URL. */
function workerUrl(): string {
  const factory = (window as { trustedTypes?: ScriptUrls }).trustedTypes;
  const rules = { createScriptURL: () => new URL(WORKER, document.baseURI).href };
  return (factory?.createPolicy("fluxden", rules) ?? rules).createScriptURL(WORKER);
}
