import { signal } from "@preact/signals";
import { showError, showToast } from "../ui/toasts";
import { data, query } from "./api";
import { drag } from "./drag";
import { t } from "./i18n";
import type { LiveEvent } from "./live";

export const STAGES = [
  "leads",
  "qualifying",
  "proposal",
  "negotiation",
  "contracted",
  "active",
  "development",
  "planning",
  "paused",
  "completed",
] as const;
export type Stage = (typeof STAGES)[number];

export interface ChecklistItem {
  id: string;
  text: string;
  completed: boolean;
  order: number;
}

export interface Card {
  id: string;
  title: string;
  description: string | null;
  status: Stage;
  priority: "urgent" | "high" | "medium" | "low";
  assignee: "human" | "agent";
  dueDate: string | null;
  order: number;
  checklist: ChecklistItem[];
  contacts: Array<{
    id: string;
    contactId: string;
    role: string | null;
    contact: { name: string; company: string | null };
  }>;
  createdAt: string;
}

const PATH = "api/v2/kanban";
const PAGE_SIZE = 200;
// A board with more than 2,000 cards is not usable as a board.
const MAX_PAGES = 10;

/** All cards in the board's order. */
export const cards = signal<Card[]>([]);
export const boardState = signal<"loading" | "ready" | { error: unknown }>("loading");
export const hiddenCards = signal(0);

export async function loadBoard(): Promise<void> {
  if (boardState.value !== "ready") boardState.value = "loading";
  try {
    const loaded: Card[] = [];
    let more = true;
    let total = 0;
    for (let pages = 0; more && pages < MAX_PAGES; pages++) {
      const page = await data<{
        cards: Card[];
        pagination: { total: number; limit: number; offset: number; hasMore: boolean };
      }>("GET", query(PATH, { limit: PAGE_SIZE, offset: loaded.length }));
      loaded.push(...page.cards);
      more = page.pagination.hasMore && page.cards.length > 0;
      total = page.pagination.total;
    }
    cards.value = loaded;
    hiddenCards.value = Math.max(0, total - loaded.length);
    boardState.value = "ready";
  } catch (error) {
    boardState.value = { error };
  }
}

/** Return the cards of a stage, in order. */
export function cardsIn(stage: Stage): Card[] {
  return cards.value.filter((each) => each.status === stage);
}

function putCard(card: Card): void {
  cards.value = cards.value.some((each) => each.id === card.id)
    ? cards.value.map((each) => (each.id === card.id ? card : each))
    : [...cards.value, card];
}

const changedIds = new Set<string>();
let refreshTimer = 0;
const REFRESH_DELAY = 400;
// With more changes at a time, reloading the board costs less than reading each card.
const MAX_SINGLE_READS = 5;

/** Moves of this tab that the server has not confirmed yet. */
let moving = 0;

/** Handle a live event that concerns the board. */
export function handleBoardEvent(event: LiveEvent): void {
  const id = String(event.cardId ?? "");
  if (event.type === "board_changed" && event.changeType === "removed") {
    changedIds.delete(id);
    cards.value = cards.value.filter((each) => each.id !== id);
  } else if (event.type === "board_changed") {
    refreshSoon(id);
  } else if (event.type === "contacts_changed" || isFromOtherDesk(event)) {
    // Cards show names of contacts, and a message of another desk may have brought a card.
    refreshSoon("");
  }
}

const isFromOtherDesk = (event: LiveEvent): boolean =>
  event.type === "new_message" && (event.message as { source?: string } | undefined)?.source === "federation";

function refreshSoon(id: string): void {
  changedIds.add(id);
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(() => void refreshChanged(), REFRESH_DELAY);
}

/** Read the changed cards. A card that is new here, or stands elsewhere now, may have moved others: then read all. */
async function refreshChanged(): Promise<void> {
  if (!changedIds.size) return;
  // The board stands still under a card that is being moved.
  if (drag.value || moving) return void (refreshTimer = setTimeout(() => void refreshChanged(), REFRESH_DELAY));
  const ids = [...changedIds];
  changedIds.clear();
  if (boardState.value !== "ready" || ids.length > MAX_SINGLE_READS || ids.some((id) => !findCard(id))) return loadBoard();
  const results = await Promise.allSettled(ids.map((id) => data<Card>("GET", `${PATH}/${id}`)));
  for (const each of results) {
    const before = each.status === "fulfilled" ? findCard(each.value.id) : undefined;
    if (each.status !== "fulfilled" || before?.order !== each.value.order || before.status !== each.value.status)
      return loadBoard();
    putCard(each.value);
  }
}

export const findCard = (id: string): Card | undefined => cards.value.find((each) => each.id === id);

/** Place a card before the one at this index of all others. */
function insertCard(card: Card, index: number): void {
  const others = cards.value.filter((each) => each.id !== card.id);
  cards.value = [...others.slice(0, index), card, ...others.slice(index)];
}

/** Move a card optimistically to index `at` of a stage. Restore it when the server refuses. */
export async function moveCard(id: string, stage: Stage, at: number): Promise<void> {
  const before = findCard(id);
  if (!before) return;
  if (before.status === stage && cardsIn(stage).findIndex((each) => each.id === id) === at) return;
  const index = cards.value.indexOf(before);
  const all = cards.value.filter((each) => each.id !== id);
  const others = all.filter((each) => each.status === stage);
  const above = others[at - 1];
  const below = others[at];
  // A card that is alone in its stage keeps its place on the board.
  insertCard({ ...before, status: stage }, above ? all.indexOf(above) + 1 : below ? all.indexOf(below) : index);
  const place = above ? { after: above.id } : below ? { before: below.id } : {};
  moving += 1;
  try {
    putCard(await data<Card>("PATCH", `${PATH}/${id}`, before.status === stage ? place : { status: stage, ...place }));
  } catch (error) {
    insertCard(before, index);
    showError(error);
  } finally {
    moving -= 1;
  }
}

export async function patchCard(before: Card, changes: Partial<Card>): Promise<boolean> {
  putCard({ ...before, ...changes });
  try {
    putCard(await data<Card>("PATCH", `${PATH}/${before.id}`, changes));
    return true;
  } catch (error) {
    putCard(before);
    showError(error);
    return false;
  }
}

export async function addCard(fields: { title: string; status: Stage }): Promise<Card | null> {
  try {
    const created = await data<Card>("POST", PATH, fields);
    putCard(created);
    return created;
  } catch (error) {
    showError(error);
    return null;
  }
}

export async function deleteCard(card: Card): Promise<void> {
  const index = cards.value.findIndex((each) => each.id === card.id);
  cards.value = cards.value.filter((each) => each.id !== card.id);
  try {
    await data("DELETE", `${PATH}/${card.id}`);
    showToast(t("board.deleted", { title: card.title }));
  } catch (error) {
    insertCard(card, index);
    showError(error);
  }
}

export async function checkItem(card: Card, step: ChecklistItem, completed: boolean): Promise<void> {
  const show = (done: boolean) => {
    const loaded = findCard(card.id);
    if (!loaded) return;
    putCard({
      ...loaded,
      checklist: loaded.checklist.map((each) => (each.id === step.id ? { ...each, completed: done } : each)),
    });
  };
  show(completed);
  try {
    await data("PATCH", `${PATH}/${card.id}/checklist/${step.id}`, { completed });
  } catch (error) {
    show(!completed);
    showError(error);
  }
}

export async function addChecklistItem(card: Card, text: string): Promise<void> {
  try {
    const created = await data<ChecklistItem>("POST", `${PATH}/${card.id}/checklist`, { text });
    const loaded = findCard(card.id);
    if (loaded) putCard({ ...loaded, checklist: [...loaded.checklist, created] });
  } catch (error) {
    showError(error);
  }
}
