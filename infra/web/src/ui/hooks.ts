import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

/** Return the value once it has not changed for `wait` milliseconds. The first value is returned at once. */
export function useDebounced<T>(value: T, wait: number): T {
  const [settled, settle] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => settle(value), wait);
    return () => clearTimeout(timer);
  }, [value, wait]);
  return settled;
}

/** Call `reached` when the element scrolls into view. Returns the ref for the element. */
export function useReachedEnd(reached: () => unknown): RefObject<HTMLDivElement | null> {
  const element = useRef<HTMLDivElement>(null);
  const latest = useRef(reached);
  latest.current = reached;
  useEffect(() => {
    if (!element.current) return;
    const watcher = new IntersectionObserver((seen) => {
      if (seen.some((each) => each.isIntersecting)) latest.current();
    });
    watcher.observe(element.current);
    return () => watcher.disconnect();
  });
  return element;
}

/**
 * Begin to load what a page shows, when it opens and when `inputs` change. That is before the browser paints it, so that
 * nobody sees, or acts on, what was loaded for the page as it was before.
 */
export function useLoading(begin: () => unknown, inputs: readonly unknown[]): void {
  useLayoutEffect(() => void begin(), inputs);
}
