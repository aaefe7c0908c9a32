import { signal } from "@preact/signals";
import { call, onRecovery } from "./api";
import { type Filters, FILTERS } from "./inbox-items";
import { onSummary } from "./inbox-summary";
import { opens } from "./session";

/** A saved view of the inbox: filters by their names in the API, and the number of unread notifications that match. */
export interface SavedView {
  name: string;
  filter: Record<string, string | number>;
  unread: number;
}

export const MOST_VIEWS = 20;
export const savedViews = signal<SavedView[]>([]);

const PATH = "api/v1/inbox/views";
// Pressed after `v`.
const KEYS = "123456789abcdefghijk";
let version: number | null = null;
let latestLoad = 0;

/** Return the second key of a view's shortcut. */
export const viewKey = (at: number): string => KEYS[at]!;

interface Reply {
  views: SavedView[];
  version: number;
}

/** Load the views and their counts. */
export async function loadViews(): Promise<void> {
  if (!opens("inbox")) return;
  const loadNumber = ++latestLoad;
  try {
    const reply = await call<Reply>("GET", PATH);
    if (loadNumber === latestLoad) show(reply);
  } catch {
    // Keep the old counts. The user did not ask for this request, so no error is shown.
  }
}

// The counts follow the count of all unread ones. Without views there is nothing to count.
onSummary(() => {
  if (savedViews.value.length) void loadViews();
});
onRecovery(() => {
  if (version === null) void loadViews();
});

/** Add a view at the end. Errors are thrown. */
export const addView = (name: string, filters: Filters): Promise<void> =>
  change((views) => [...views, { name, filter: toApi(filters) }]);

/** Remove a view. Errors are thrown. */
export const removeView = (name: string): Promise<void> => change((views) => views.filter((each) => each.name !== name));

type Stored = Pick<SavedView, "name" | "filter">;

async function change(edit: (views: Stored[]) => Stored[]): Promise<void> {
  // Another client may have changed them.
  const stored = await call<Reply>("GET", PATH);
  const views = edit(stored.views.map(({ name, filter }) => ({ name, filter })));
  const reply = await call<Reply>("PUT", PATH, { views, version: stored.version });
  latestLoad += 1;
  show(reply);
}

function show(reply: Reply): void {
  savedViews.value = reply.views;
  version = reply.version;
}

const API_NAMES: Partial<Record<keyof Filters, string>> = { type: "eventType" };
const apiName = (name: keyof Filters): string => API_NAMES[name] ?? name;

function toApi(filters: Filters): SavedView["filter"] {
  const named = FILTERS.filter((name) => filters[name]).map((name) => [
    apiName(name),
    name === "days" ? Number(filters[name]) : filters[name],
  ]);
  return Object.fromEntries(named);
}

/** Return the parameters of the address that shows a view. */
export function viewParams({ filter }: SavedView): URLSearchParams {
  const params = new URLSearchParams();
  for (const name of FILTERS) {
    const value = String(filter[apiName(name)] ?? "");
    if (value && !(name === "view" && value === "inbox")) params.set(name, value);
  }
  return params;
}

/** Return whether the list has exactly the filters of a view. */
export function isShown(view: SavedView, filters: Filters): boolean {
  const params = viewParams(view);
  return FILTERS.every((name) => filters[name] === (params.get(name) ?? (name === "view" ? "inbox" : "")));
}
