import { call, data, query } from "./api";
import { boardState, cards, loadBoard } from "./board";
import { t } from "./i18n";
import type { Item } from "./inbox-items";
import { loadQueue, queueState, tasks } from "./queue";
import { go, href } from "./router";
import { savedViews, viewParams } from "./saved-views";
import { opens } from "./session";

export type Kind = "page" | "action" | "view" | "notification" | "task" | "card" | "contact";

/** One line of the palette. */
export interface Entry {
  kind: Kind;
  id: string;
  text: string;
  detail?: string;
  run: () => void;
}

const MOST_OF_A_KIND = 5;

const fold = (text: string): string => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** Return whether a text has every word of the query, in any case and order. */
export function hasWords(text: string, typed: string): boolean {
  const folded = fold(text);
  return fold(typed).split(/\s+/).every((word) => folded.includes(word));
}

const found = (kind: Kind, page: string, id: string, text: string, detail = ""): Entry => ({
  kind,
  id,
  text,
  detail,
  run: () => go(href(page, id)),
});

/** Return the saved views as entries. */
export const viewEntries = (): Entry[] =>
  savedViews.value.map((each) => ({
    kind: "view",
    id: each.name,
    text: each.name,
    detail: t("views.title"),
    run: () => go(href("inbox", null, viewParams(each))),
  }));

/** Load what is searched in this page: tasks and cards, which no operation searches. */
export async function preparePalette(): Promise<void> {
  await Promise.all([
    opens("queue") && queueState.value !== "ready" ? loadQueue() : null,
    opens("kanban") ? loadBoard() : null,
  ]);
}

/** Return the tasks and cards whose titles match. */
export function searchLoaded(typed: string): Entry[] {
  const matching = <T extends { title: string }>(list: T[]) =>
    list.filter((each) => hasWords(each.title, typed)).slice(0, MOST_OF_A_KIND);
  return [
    ...(queueState.value === "ready" ? matching(tasks.value) : []).map((each) => found("task", "queue", each.id, each.title)),
    ...(boardState.value === "ready" ? matching(cards.value) : []).map((each) => found("card", "board", each.id, each.title)),
  ];
}

/** Search notifications and contacts on the desk. A search that fails finds nothing. */
export async function searchDesk(typed: string): Promise<Entry[]> {
  const [deliveries, contacts] = await Promise.all([
    opens("inbox") ? searchInbox(typed).catch(() => []) : [],
    opens("contacts") ? searchContacts(typed).catch(() => []) : [],
  ]);
  return [...deliveries, ...contacts];
}

async function searchInbox(typed: string): Promise<Entry[]> {
  const params = { view: "all", q: typed.slice(0, 200), limit: MOST_OF_A_KIND };
  const page = await call<{ items: Item[] }>("GET", query("api/v1/inbox", params));
  return page.items.map((each) => found("notification", "inbox", each.deliveryId, each.title, each.summary));
}

async function searchContacts(typed: string): Promise<Entry[]> {
  const params = { search: typed.slice(0, 200), limit: MOST_OF_A_KIND };
  const page = await data<{ contacts: Array<{ id: string; name: string; company: string | null }> }>(
    "GET",
    query("api/v2/contacts", params),
  );
  return page.contacts.map((each) => found("contact", "contacts", each.id, each.name, each.company ?? ""));
}
