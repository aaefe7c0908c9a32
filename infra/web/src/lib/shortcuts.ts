import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

/** What a key does; returns false to leave the key to the browser. */
export type Handlers = Record<string, (event: KeyboardEvent) => unknown>;

const STORAGE_KEY = "fluxden.shortcuts";
const SECOND_WITHIN = 1200;

/** Whether single keys are shortcuts: some people's input devices type by accident. */
export const shortcuts = signal(localStorage.getItem(STORAGE_KEY) !== "off");
const layers: Array<{ current: Handlers }> = [];
let first = "";
let firstAt = 0;

export function setShortcuts(on: boolean): void {
  shortcuts.value = on;
  localStorage.setItem(STORAGE_KEY, on ? "on" : "off");
}

/** Serve keys while the component is shown: by name, as "j", or as "g i" for one after the other. Later ones win. */
export function useShortcuts(handlers: Handlers): void {
  const latest = useRef(handlers);
  latest.current = handlers;
  useEffect(() => {
    layers.push(latest);
    return () => {
      layers.splice(layers.indexOf(latest), 1);
    };
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (!shortcuts.value && event.key.length === 1) return;
  const pair = first && Date.now() - firstAt < SECOND_WITHIN ? `${first} ${event.key}` : "";
  first = "";
  for (const name of pair ? [pair, event.key] : [event.key]) {
    const served = layers.findLast((each) => each.current[name]);
    if (!served) continue;
    if (served.current[name]?.(event) !== false) event.preventDefault();
    return;
  }
  const begins = layers.some((each) => Object.keys(each.current).some((name) => name.startsWith(`${event.key} `)));
  if (begins) [first, firstAt] = [event.key, Date.now()];
});
