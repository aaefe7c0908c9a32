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

const KEPT_AS = "fluxden.key";
const FAREWELL_AS = "fluxden.farewell";

export const key = signal<string>(sessionStorage.getItem(KEPT_AS) ?? "");
export const me = signal<Me | null>(null);
/** Why the person has to sign in again; empty when they chose to. */
export const farewell = signal(sessionStorage.getItem(FAREWELL_AS) ?? "");
sessionStorage.removeItem(FAREWELL_AS);

/** The key that the address hands over, as in a sign-in link (`#key=…`); empty when it does not. */
export function keyInAddress(): string {
  return decodeURIComponent(/^#key=([^&]+)/.exec(location.hash)?.[1] ?? "");
}

export function keep(text: string): void {
  sessionStorage.setItem(KEPT_AS, text);
  key.value = text;
}

export function signOut(reason = ""): void {
  sessionStorage.removeItem(KEPT_AS);
  key.value = "";
  if (!me.value) return;
  if (reason) sessionStorage.setItem(FAREWELL_AS, reason);
  startAnew();
}

/** Begin as if the tab had just been opened, with nothing left of what was shown to whoever was signed in. */
export function startAnew(): void {
  history.replaceState(null, "", location.pathname);
  location.reload();
}
