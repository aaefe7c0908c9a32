import { signal } from "@preact/signals";
import { decodePart } from "./router";

/** The signed-in user. */
export interface Me {
  id: string;
  name: string;
  email: string;
  operator: boolean;
  webPush: { available: boolean; subscriptions: number };
  urls: { base: string | null; socket: string | null };
  /** The API key that this tab uses. */
  key: { id: string; name: string; permissions: "all" | string[] };
}

const STORAGE_KEY = "fluxden.key";
const LAST_USER_STORAGE_KEY = "fluxden.last-user";
const REASON_STORAGE_KEY = "fluxden.sign-out-reason";

export const key = signal<string>(sessionStorage.getItem(STORAGE_KEY) ?? "");
export const me = signal<Me | null>(null);
/** The reason to show on the sign-in page. Empty when the user signed out. */
export const signOutReason = signal(sessionStorage.getItem(REASON_STORAGE_KEY) ?? "");
sessionStorage.removeItem(REASON_STORAGE_KEY);

/** Return the key of a sign-in link (`#key=…`), or an empty string. */
export function keyFromAddress(): string {
  return decodePart(/^#key=([^&]+)/.exec(location.hash)?.[1] ?? "") ?? "";
}

export function storeKey(text: string): void {
  sessionStorage.setItem(STORAGE_KEY, text);
  key.value = text;
}

/** Show the desk of a user whose key is stored. */
export function enter(user: Me): void {
  localStorage.setItem(LAST_USER_STORAGE_KEY, user.id);
  me.value = user;
}

/** Whether `user` would replace the user of this tab, or the last one of this browser. */
export function replacesAnother(user: Me): boolean {
  const current = me.value?.id ?? localStorage.getItem(LAST_USER_STORAGE_KEY);
  return current !== null && current !== user.id;
}

export function signOut(reason = ""): void {
  sessionStorage.removeItem(STORAGE_KEY);
  localStorage.removeItem(LAST_USER_STORAGE_KEY);
  key.value = "";
  if (!me.value) return;
  if (reason) sessionStorage.setItem(REASON_STORAGE_KEY, reason);
  restart();
}

/** Reload the page, so that nothing of the previous session stays in memory. */
export function restart(): void {
  history.replaceState(null, "", location.pathname);
  location.reload();
}
