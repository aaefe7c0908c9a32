import { computed, signal } from "@preact/signals";

export interface Route {
  page: string;
  id: string | null;
  params: URLSearchParams;
}

// A sign-in link is no page.
const hash = signal(location.hash.startsWith("#key=") ? "" : location.hash);
addEventListener("hashchange", () => (hash.value = location.hash));

export const route = computed<Route>(() => {
  const [path = "", search = ""] = hash.value.replace(/^#\/?/, "").split("?");
  const [page = "", id = ""] = path.split("/");
  return { page: page || "inbox", id: id ? decodeURIComponent(id) : null, params: new URLSearchParams(search) };
});

/** The address of a page, of something on it, and of how it is looked at. */
export function href(page: string, id?: string | null, params?: URLSearchParams): string {
  const search = params?.size ? `?${params}` : "";
  return `#/${page}${id ? `/${encodeURIComponent(id)}` : ""}${search}`;
}

export function go(to: string, { replace = false } = {}): void {
  if (to === location.hash) return;
  if (!replace) {
    location.hash = to;
    return;
  }
  history.replaceState(null, "", to);
  hash.value = to;
}

/** Look at the same page otherwise: null takes a parameter away. */
export function setParams(changes: Record<string, string | null>, id: string | null = route.value.id): void {
  const params = new URLSearchParams(route.value.params);
  for (const [name, value] of Object.entries(changes)) {
    if (value) params.set(name, value);
    else params.delete(name);
  }
  go(href(route.value.page, id, params), { replace: true });
}
