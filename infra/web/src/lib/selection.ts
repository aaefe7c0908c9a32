import { computed, signal } from "@preact/signals";

interface Selection {
  ids: ReadonlySet<string>;
  /** Whether everything that matches the filters is selected, also what is not loaded. */
  isAll: boolean;
  /** Where the selection of a range begins. */
  anchor: string | null;
}

const NOTHING: Selection = { ids: new Set(), isAll: false, anchor: null };

export const selection = signal<Selection>(NOTHING);
export const hasSelection = computed(() => selection.value.ids.size > 0);
/** The row that keys select, once something is selected. Moving it opens nothing. */
export const marked = signal<string | null>(null);

export function clearSelection(): void {
  if (selection.value !== NOTHING) selection.value = NOTHING;
  marked.value = null;
}

/** Add ids to the selection, or remove them if all of them are in it. */
export function toggleSelected(ids: readonly string[]): void {
  const chosen = new Set(selection.value.ids);
  const remove = ids.every((id) => chosen.has(id));
  for (const id of ids) {
    if (remove) chosen.delete(id);
    else chosen.add(id);
  }
  selection.value = { ids: chosen, isAll: false, anchor: ids.at(-1) ?? null };
  marked.value = ids.at(-1) ?? null;
}

/** Select everything from the anchor to this id, in the order of the list. */
export function selectThrough(id: string, order: readonly string[], from: string | null): void {
  const anchor = selection.value.anchor ?? from ?? id;
  const [one, two] = [order.indexOf(anchor), order.indexOf(id)];
  if (two < 0) return;
  const range = order.slice(Math.min(one < 0 ? two : one, two), Math.max(one, two) + 1);
  selection.value = { ids: new Set([...selection.value.ids, ...range]), isAll: false, anchor };
  marked.value = id;
}

export function selectLoaded(order: readonly string[]): void {
  selection.value = { ids: new Set(order), isAll: false, anchor: null };
  marked.value ??= order[0] ?? null;
}

export function selectAllMatching(): void {
  selection.value = { ...selection.value, isAll: true };
}
