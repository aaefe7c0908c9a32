import { useSignal } from "@preact/signals";
import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";

// Entries above and below the visible ones, so that fast scrolling and the Tab key find them.
const OVERSCAN = 8;
const BUFFER = 600;
// After a jump by more than a screen only what is visible is rendered in its frame, and the rest this much later.
const SETTLE_MS = 100;

export interface VirtualListProps<T> {
  entries: readonly T[];
  keyOf: (entry: T) => string;
  /** The height of an entry in pixels. It must be what CSS gives it. */
  heightOf: (entry: T) => number;
  children: (entry: T, position: number) => ComponentChildren;
  /** Whether what is shown stays in place when entries are added above it, also at the top of the list. */
  anchored: () => boolean;
  onReachEnd: () => unknown;
  /** Called with the position of the first visible entry. */
  onScroll?: (first: number) => void;
  control?: RefObject<VirtualControl | null>;
  footer?: ComponentChildren;
  label: string;
}

export interface VirtualControl {
  /** Scroll as little as needed to show the entry. */
  show: (position: number) => void;
  scrollTo: (position: number) => void;
}

/** A list that renders the entries near the visible part only. Its cost does not grow with the number of entries. */
export function VirtualList<T>(props: VirtualListProps<T>) {
  const { entries, keyOf, heightOf, children, anchored, footer, label } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const sizer = useRef<HTMLUListElement>(null);
  const range = useSignal<readonly [number, number]>([0, 30]);
  const lastTop = useRef(0);
  const settling = useRef(0);
  const offsets = useMemo(() => {
    const sums = new Float64Array(entries.length + 1);
    for (let at = 0; at < entries.length; at++) sums[at + 1] = sums[at]! + heightOf(entries[at]!);
    return sums;
  }, [entries]);
  const latest = useRef(props);
  latest.current = props;
  const current = useRef(offsets);
  const shown = useRef({ entries, offsets });

  const measure = () => {
    const element = scroller.current;
    if (!element?.clientHeight) return;
    const isJump = Math.abs(element.scrollTop - lastTop.current) > element.clientHeight;
    lastTop.current = element.scrollTop;
    clearTimeout(settling.current);
    if (isJump) settling.current = setTimeout(measure, SETTLE_MS);
    const overscan = isJump ? 1 : OVERSCAN;
    const sums = current.current;
    const last = sums.length - 1;
    const first = positionAt(sums, element.scrollTop);
    const end = Math.min(last, positionAt(sums, element.scrollTop + element.clientHeight) + 1);
    const start = Math.max(0, first - overscan);
    const stop = Math.min(last, end + overscan);
    if (range.value[0] !== start || range.value[1] !== stop) range.value = [start, stop];
    if (element.scrollTop + element.clientHeight > sums[last]! - BUFFER) latest.current.onReachEnd();
    latest.current.onScroll?.(first);
  };

  useLayoutEffect(() => {
    current.current = offsets;
    const element = scroller.current;
    const before = shown.current;
    shown.current = { entries, offsets };
    if (!element || before.entries === entries) return;
    if (element.scrollTop > 0 || anchored()) {
      const top = positionAt(before.offsets, element.scrollTop);
      const moved = survivor(before.entries, top, entries, keyOf);
      if (moved >= 0) keepAt(element, sizer.current, element.scrollTop + offsets[moved]! - before.offsets[top]!);
    }
    measure();
  }, [entries]);

  useEffect(() => {
    const element = scroller.current!;
    const watcher = new ResizeObserver(() => {
      // A hidden element forgets where it was scrolled to.
      if (element.clientHeight && element.scrollTop !== lastTop.current) element.scrollTop = lastTop.current;
      measure();
    });
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      clearTimeout(settling.current);
    };
  }, []);

  useLayoutEffect(() => {
    const { control } = latest.current;
    if (!control) return;
    control.current = {
      show: (position) => {
        const element = scroller.current;
        if (!element || position < 0) return;
        const [top, bottom] = [current.current[position]!, current.current[position + 1]!];
        if (top < element.scrollTop) element.scrollTop = top;
        else if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight;
      },
      scrollTo: (position) => {
        const element = scroller.current;
        if (element && position >= 0) keepAt(element, sizer.current, current.current[position] ?? 0);
        measure();
      },
    };
    return () => {
      control.current = null;
    };
  }, []);

  const start = Math.min(range.value[0], entries.length);
  const stop = Math.min(range.value[1], entries.length);
  const total = offsets[entries.length]!;
  return (
    <div
      class="scroll"
      ref={scroller}
      onScroll={(event) => {
        const { scrollTop, clientHeight } = event.currentTarget;
        if (!clientHeight) return;
        if (scrollTop + clientHeight <= total) sizer.current?.style.removeProperty("min-height");
        measure();
      }}
    >
      <ul
        class="items"
        ref={sizer}
        aria-label={label}
        style={{ paddingTop: `${offsets[start]}px`, paddingBottom: `${total - offsets[stop]!}px` }}
      >
        {entries.slice(start, stop).map((entry, at) => (
          <li key={keyOf(entry)} aria-setsize={entries.length} aria-posinset={start + at + 1}>
            {children(entry, start + at)}
          </li>
        ))}
      </ul>
      {footer}
    </div>
  );
}

/** Return the position of the entry at this distance from the top. */
function positionAt(offsets: Float64Array, distance: number): number {
  let low = 0;
  let high = offsets.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (offsets[middle]! <= distance) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Return the new position of the first entry from `top` on that is still there, or -1. */
function survivor<T>(before: readonly T[], top: number, after: readonly T[], keyOf: (entry: T) => string): number {
  const positions = new Map(after.map((entry, at) => [keyOf(entry), at]));
  for (let at = top; at < before.length; at++) {
    const found = positions.get(keyOf(before[at]!));
    if (found !== undefined) return found;
  }
  return -1;
}

/** Scroll to `top`, with room below if the list is too short for that. */
function keepAt(element: HTMLElement, sizer: HTMLElement | null, top: number): void {
  if (sizer && top > 0) sizer.style.minHeight = `${top + element.clientHeight}px`;
  element.scrollTop = top;
}
