import type { Filters, Item } from "./inbox-items";
import { now } from "./time";

/** Return whether an item belongs to the list. The item that is `open` stays among the unread ones. */
export function matchesFilters(item: Item, filter: Filters, open: string | null): boolean {
  if (filter.severity && item.severity !== filter.severity) return false;
  if (filter.type && item.eventType !== filter.type) return false;
  if (filter.integrator && !item.eventType.startsWith(`${filter.integrator}.`)) return false;
  if (filter.status && (filter.status === "resolved") !== Boolean(item.resolvedAt)) return false;
  return matchesView(item, filter.view, open);
}

export function matchesView(item: Item, view: string, open: string | null): boolean {
  const isSnoozed = Boolean(item.snoozedUntil && Date.parse(item.snoozedUntil) > now.value);
  const isArchived = Boolean(item.archivedAt);
  switch (view) {
    case "archived":
      return isArchived;
    case "snoozed":
      return isSnoozed && !isArchived;
    case "unread":
      return !isArchived && !isSnoozed && (!item.readAt || item.deliveryId === open);
    case "inbox":
      return !isArchived && !isSnoozed;
    default:
      return true;
  }
}

/** Return whether a new item matches the search, approximately. The server's search decides at the next load. */
export function matchesSearch(item: Item, q: string): boolean {
  const term = q.trim().toLowerCase();
  return !term || [item.title, item.summary, item.eventType].some((each) => each?.toLowerCase().includes(term));
}
