import { computed, signal } from "@preact/signals";

export interface Route {
  page: string;
  id: string | null;
  params: URLSearchParams;
}

/** Decode a part of an address. Returns null if it is malformed, as in a link that was cut off. */
export function decodePart(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

// Behind a gateway's stage the page has a second address, without the slash at the end. Links of this page would leave it.
const home = new URL(".", document.baseURI).pathname;
if (document.querySelector("base") && location.pathname !== home) {
  history.replaceState(null, "", home + location.search + location.hash);
}

// A sign-in link is not a page.
export const isSignInLink = () => /^#(key=|sign-in=|signed-in$|sign-in-failed=)/.test(location.hash);
const hash = signal(isSignInLink() ? "" : location.hash);
addEventListener("hashchange", () => {
  if (!isSignInLink()) hash.value = location.hash;
});

export const route = computed<Route>(() => {
  const [path = "", search = ""] = hash.value.replace(/^#\/?/, "").split("?");
  const [page = "", id = ""] = path.split("/");
  return { page: page || "inbox", id: id ? decodePart(id) : null, params: new URLSearchParams(search) };
});

/** Return the address of a page, of an item on it, and of its parameters. */
export function href(page: string, id?: string | null, params?: URLSearchParams): string {
  const search = params?.size ? `?${params}` : "";
  return `#/${page}${id ? `/${encodeURIComponent(id)}` : ""}${search}`;
}

export function go(to: string, { replace = false } = {}): void {
  if (to === location.hash) return;
  if (replace) history.replaceState(null, "", to);
  else location.hash = to;
  // At once: "hashchange" comes later, and a key pressed in between would act on the row that was open before.
  hash.value = location.hash;
}

/** Change parameters of the current page. Null removes a parameter. */
export function setParams(changes: Record<string, string | null>, id: string | null = route.value.id): void {
  const params = new URLSearchParams(route.value.params);
  for (const [name, value] of Object.entries(changes)) {
    if (value) params.set(name, value);
    else params.delete(name);
  }
  go(href(route.value.page, id, params), { replace: true });
}
