import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { type Entry, keyOf } from "../lib/groups";
import { cursor, inboxState, loadUntil } from "../lib/inbox";
import { route, setParams } from "../lib/router";
import type { VirtualControl } from "../ui/virtual-list";

const SCROLL_DELAY = 400;

/** Keep the first visible row in the address, and scroll to it when the page is shown again. */
export function useScrollInAddress(entries: readonly Entry[], control: RefObject<VirtualControl | null>) {
  const timer = useRef(0);
  const wantedRow = useRef(route.value.params.get("at"));
  useEffect(() => () => clearTimeout(timer.current), []);
  // Effects run later, when the state may not be that of `entries` any more.
  const isReady = inboxState.value === "ready";
  useEffect(() => {
    const row = wantedRow.current;
    if (!isReady || !row) return;
    const position = entries.findIndex((each) => keyOf(each) === row);
    if (position < 0 && cursor.value) return void loadUntil(row);
    // The list may be drawn after this page.
    const restore = () => {
      if (position >= 0 && !control.current) {
        frame = requestAnimationFrame(restore);
        return;
      }
      control.current?.scrollTo(position);
      wantedRow.current = null;
    };
    let frame = requestAnimationFrame(restore);
    return () => cancelAnimationFrame(frame);
  }, [entries, isReady]);
  return (first: string | null) => {
    if (wantedRow.current) return;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setParams({ at: first }), SCROLL_DELAY);
  };
}

/** Give the focus back to a row, once the list is shown again: on a phone the open item hides it. */
export function focusRow(id: string): void {
  requestAnimationFrame(() => document.getElementById(`item-${id}`)?.focus({ preventScroll: true }));
}
