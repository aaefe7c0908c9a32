import { signal } from "@preact/signals";
import { forgetKept } from "./kept";
import { decodePart } from "./router";

/** The signed-in user. */
export interface Me {
  id: string;
  name: string;
  email: string;
  operator: boolean;
  webPush: { available: boolean; subscriptions: number };
  urls: { base: string | null; socket: string | null };
  /** The API key that this tab uses, or the session of this browser. */
  key: { id: string; name: string; permissions: "all" | string[]; isSession: boolean };
}

const STORAGE_KEY = "fluxden.key";
// The cookie of a session can't be read here.
const SESSION_STORAGE_KEY = "fluxden.session";
const LAST_USER_STORAGE_KEY = "fluxden.last-user";
const REASON_STORAGE_KEY = "fluxden.sign-out-reason";

/** The API key of this tab. Empty for a session, which only the browser knows. */
export const key = signal<string>(sessionStorage.getItem(STORAGE_KEY) ?? "");
export const me = signal<Me | null>(null);
/** The reason to show on the sign-in page. Empty when the user signed out. */
export const signOutReason = signal(sessionStorage.getItem(REASON_STORAGE_KEY) ?? "");
sessionStorage.removeItem(REASON_STORAGE_KEY);

/** Where to go after signing in with a provider, which leaves this page. */
const RETURN_STORAGE_KEY = "fluxden.return";

export function leaveForProvider(id: string): void {
  sessionStorage.setItem(RETURN_STORAGE_KEY, location.hash);
  location.assign(new URL(`api/v2/sign-in/${encodeURIComponent(id)}`, document.baseURI));
}

/** What a provider's answer left in the address: nothing, a new session, or the reason why there is none. */
export function readProviderAnswer(): { signedIn: boolean; error: string | null; to: string } | null {
  const [, answer, error] = /^#(signed-in|sign-in-failed=([a-z-]+))$/.exec(location.hash) ?? [];
  if (!answer) return null;
  const to = sessionStorage.getItem(RETURN_STORAGE_KEY) || "#/inbox";
  sessionStorage.removeItem(RETURN_STORAGE_KEY);
  return { signedIn: answer === "signed-in", error: error ?? null, to };
}

/** The secret of a sign-in link: a code (`#sign-in=…`), which begins a session, or an API key (`#key=…`). */
export interface LinkSecret {
  kind: "code" | "key";
  text: string;
}

/** Return the secret of a sign-in link, if the address is one. */
export function secretFromAddress(): LinkSecret | null {
  const [, name, part] = /^#(key|sign-in)=([^&]+)/.exec(location.hash) ?? [];
  const text = decodePart(part ?? "");
  return text ? { kind: name === "key" ? "key" : "code", text } : null;
}

export function storeKey(text: string): void {
  if (text) sessionStorage.setItem(STORAGE_KEY, text);
  else sessionStorage.removeItem(STORAGE_KEY);
  key.value = text;
}

let accesses = 0;

/** The number of the access that requests are sent with now: it changes before and after a session replaces another. */
export const accessNumber = (): number => accesses;

/** Begin a session. What was asked with the session before it may be refused from now on, and that ends nothing. */
export async function replacingAccess<T>(begin: () => Promise<T>): Promise<T> {
  accesses += 1;
  try {
    return await begin();
  } finally {
    accesses += 1;
  }
}

/** Show the desk of a user whose key is stored, or who has a session. */
export function enter(user: Me): void {
  localStorage.setItem(LAST_USER_STORAGE_KEY, user.id);
  if (user.key.isSession) localStorage.setItem(SESSION_STORAGE_KEY, "1");
  // What another person has left here is removed.
  void forgetKept(user.id);
  me.value = user;
}

/** Whether this browser may have a session. */
export const mayHaveSession = (): boolean => localStorage.getItem(SESSION_STORAGE_KEY) !== null;

/** Whether the key of this tab opens an area; a session opens all. */
export function opens(area: string): boolean {
  const permissions = me.value?.key.permissions ?? [];
  return permissions === "all" || permissions.includes(area);
}

/** Whether this tab uses the session of the browser. */
export const usesSession = (): boolean => me.value !== null && !key.value;

/** The person who was signed in last in this browser, and has not signed out. */
export const lastUser = (): string | null => localStorage.getItem(LAST_USER_STORAGE_KEY);

/** Whether `user` would replace the user of this tab, or the last one of this browser. */
export function replacesAnother(user: Pick<Me, "id">): boolean {
  const current = me.value?.id ?? lastUser();
  return current !== null && current !== user.id;
}

/** What forms keep of what is typed into them (ui/draft.ts). */
export const DRAFT_PREFIX = "fluxden.draft.";

function forgetDrafts(): void {
  for (const name of Object.keys(sessionStorage)) {
    if (name.startsWith(DRAFT_PREFIX)) sessionStorage.removeItem(name);
  }
}

export function signOut(reason = ""): void {
  sessionStorage.removeItem(STORAGE_KEY);
  forgetDrafts();
  localStorage.removeItem(LAST_USER_STORAGE_KEY);
  if (!key.value) localStorage.removeItem(SESSION_STORAGE_KEY);
  key.value = "";
  const forgotten = forgetKept();
  if (!me.value) return;
  if (reason) sessionStorage.setItem(REASON_STORAGE_KEY, reason);
  hidePage();
  void forgotten.finally(restart);
}

function hidePage(): void {
  document.getElementById("app")!.hidden = true;
}

/** Reload the page, so that nothing of the previous session stays in memory. */
export function restart(): void {
  hidePage();
  history.replaceState(null, "", location.pathname);
  location.reload();
}
