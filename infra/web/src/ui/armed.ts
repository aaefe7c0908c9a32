import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

// A row that appears where the user is about to press a key must not be what the key acts on.
const ARMED_AFTER = 1000;

/** Mark an element, once it has been on a visible screen for a second, as one that single keys may act on. */
export function useArmed(): RefObject<HTMLElement | null> {
  const element = useRef<HTMLElement>(null);
  useEffect(() => {
    const shown = element.current;
    if (!shown) return;
    let timer = 0;
    const watcher = new IntersectionObserver((entries) => {
      clearTimeout(timer);
      if (entries.at(-1)?.isIntersecting) timer = setTimeout(() => shown.toggleAttribute("data-armed", true), ARMED_AFTER);
    });
    watcher.observe(shown);
    return () => {
      clearTimeout(timer);
      watcher.disconnect();
    };
  }, []);
  return element;
}

/** Return whether single keys may act on the task. */
export function isArmed(list: HTMLElement | null, id: string): boolean {
  return Boolean(list?.querySelector(`[data-task="${CSS.escape(id)}"][data-armed]`));
}
