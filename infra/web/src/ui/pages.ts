import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { useLoading } from "./hooks";
import { showError } from "./toasts";

export interface PagedEntries<T> {
  entries: Signal<T[]>;
  /** Where the next page begins; null at the end. */
  next: Signal<string | null>;
  state: Signal<"loading" | "ready" | { error: unknown }>;
  isLoadingMore: Signal<boolean>;
  reload: () => Promise<void>;
  loadMore: () => Promise<void>;
}

// A page can be empty before the last one, where few entries match. So many are read before the reader is asked.
const MOST_PAGES = 5;

/** Load pages of entries, from the first one when `inputs` change. An error of a later page leaves the entries in place. */
export function usePages<T>(
  read: (cursor: string | null) => Promise<{ entries: T[]; nextCursor: string | null }>,
  inputs: readonly unknown[] = [],
): PagedEntries<T> {
  const entries = useSignal<T[]>([]);
  const next = useSignal<string | null>(null);
  const state = useSignal<PagedEntries<T>["state"]["value"]>("loading");
  const isLoadingMore = useSignal(false);
  const latestLoad = useRef(0);
  const latest = useRef(read);
  latest.current = read;
  const load = async (first: string | null) => {
    const number = ++latestLoad.current;
    let cursor = first;
    try {
      for (let pages = 1; ; pages++) {
        const page = await latest.current(cursor);
        if (number !== latestLoad.current) return;
        entries.value = cursor === null ? page.entries : [...entries.value, ...page.entries];
        next.value = cursor = page.nextCursor;
        if (page.entries.length > 0 || cursor === null || pages === MOST_PAGES) break;
      }
      state.value = "ready";
    } catch (error) {
      if (number !== latestLoad.current) return;
      if (first === null) state.value = { error };
      else showError(error);
    }
  };
  const reload = async () => {
    state.value = "loading";
    isLoadingMore.value = false;
    await load(null);
  };
  const loadMore = async () => {
    isLoadingMore.value = true;
    await load(next.value);
    isLoadingMore.value = false;
  };
  useLoading(reload, inputs);
  useEffect(() => () => void latestLoad.current++, []);
  return { entries, next, state, isLoadingMore, reload, loadMore };
}
