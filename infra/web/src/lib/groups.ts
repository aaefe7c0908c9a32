import { signal } from "@preact/signals";
import { t } from "./i18n";
import type { Item } from "./inbox-items";
import { date } from "./time";

export const GROUPINGS = ["integrator", "type", "label", "day"] as const;
export type Grouping = (typeof GROUPINGS)[number];

export interface Group {
  group: string;
  title: string;
  ids: string[];
  isCollapsed: boolean;
}

/** A row of the list: an item, or the head of a group. */
export type Entry = Item | Group;

export const isGroup = (entry: Entry): entry is Group => "group" in entry;
export const keyOf = (entry: Entry): string => (isGroup(entry) ? `group ${entry.group}` : entry.deliveryId);

/** The groups that are collapsed, as "grouping value". */
export const collapsed = signal<ReadonlySet<string>>(new Set());

export function toggleCollapsed(group: string): void {
  const groups = new Set(collapsed.value);
  if (!groups.delete(group)) groups.add(group);
  collapsed.value = groups;
}

export const integratorOf = (item: Item): string => item.eventType.split(".", 1)[0]!;

/** Return the items in groups, in the order of their first items. Items of collapsed groups are left out. */
export function grouped(items: readonly Item[], by: string): readonly Entry[] {
  if (!(GROUPINGS as readonly string[]).includes(by)) return items;
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const value = valueOf(item, by as Grouping);
    const group = groups.get(value);
    if (group) group.push(item);
    else groups.set(value, [item]);
  }
  const entries: Entry[] = [];
  for (const [title, within] of groups) {
    const group = `${by} ${title}`;
    const isCollapsed = collapsed.value.has(group);
    entries.push({ group, title: title || t("group.none"), ids: within.map((each) => each.deliveryId), isCollapsed });
    if (!isCollapsed) entries.push(...within);
  }
  return entries;
}

function valueOf(item: Item, by: Grouping): string {
  switch (by) {
    case "integrator":
      return integratorOf(item);
    case "type":
      return item.eventType;
    case "day":
      return date(item.createdAt);
    case "label":
      return Object.entries(item.labels ?? {})
        .map(([name, value]) => `${name}=${value}`)
        .sort()[0] ?? "";
  }
}
