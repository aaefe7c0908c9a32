import { interfaceLanguage } from "./i18n";

const WORKER = "sw.js";

interface ScriptUrls {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): string };
}

let url: string | null = null;

/** Return the URL of the service worker. The trusted types policy allows no other script URL, and can be made once. */
function workerUrl(): string {
  if (url) return url;
  const factory = (window as { trustedTypes?: ScriptUrls }).trustedTypes;
  const rules = { createScriptURL: () => new URL(WORKER, document.baseURI).href };
  return (url = (factory?.createPolicy("fluxden", rules) ?? rules).createScriptURL(WORKER));
}

/** Register the service worker, which shows notifications and opens the console without a network. */
export function registerWorker(): Promise<ServiceWorkerRegistration> {
  return navigator.serviceWorker.register(workerUrl(), { scope: "./" });
}

/** Tell the service worker in which language the console is. It can't read the storage of pages. */
export async function rememberLanguage(): Promise<void> {
  if (!("caches" in window)) return;
  await (await caches.open("fluxden-settings")).put("language", new Response(interfaceLanguage));
}
