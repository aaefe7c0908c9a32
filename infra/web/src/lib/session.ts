import { signal } from "@preact/signals";

/** Who is signed in. */
export interface Me {
  id: string;
  name: string;
  email: string;
  operator: boolean;
  webPush: { available: boolean; subscriptions: number };
  urls: { base: string | null; socket: string | null };
  /** The key that this tab is signed in with. */
  key: { id: string; name: string; permissions: "all" | string[] };
}

const STORAGE_KEY = "fluxden.key";
const REASON_STORAGE_KEY = "fluxden.farewell";

export const key = signal<string>(sessionStorage.getItem(STORAGE_KEY) ?? "");
export const me = signal<Me | null>(null);
/** Why the person has to sign in again; empty when they chose to. */
export const signOutReason = signal(sessionStorage.getItem(REASON_STORAGE_KEY) ?? "");
sessionStorage.removeItem(REASON_STORAGE_KEY);

/** The key that the address hands over, as in a sign-in link (`#key=…`); empty when it does not. */
export function keyFromAddress(): string {
  return decodeURIComponent(/^#key=([^&]+)/.exec(location.hash)?.[1] ?? "");
}

export function keep(text: string): void {
  sessionStorage.setItem(STORAGE_KEY, text);
  key.value = text;
}

export function signOut(reason = ""): void {
  sessionStorage.removeItem(STORAGE_KEY);
  key.value = "";
  if (!me.value) return;
  if (reason) sessionStorage.setItem(REASON_STORAGE_KEY, reason);
  restart();
}

/** Begin as if the tab had just been opened, with nothing left of what was shown to whoever was signed in. */
export function restart(): void {
  history.replaceState(null, "", location.pathname);
  location.reload();
}
