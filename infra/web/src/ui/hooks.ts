import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** The value, once it has stayed the same for so many milliseconds; the first one at once. */
export function useDebounced<T>(value: T, wait: number): T {
  const [settled, settle] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => settle(value), wait);
    return () => clearTimeout(timer);
  }, [value, wait]);
  return settled;
}

/** What to do when the element comes into view, as the end of a list does. */
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
