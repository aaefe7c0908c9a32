import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

/** Handlers by key. A handler returns false to leave the key to the browser. */
export type Handlers = Record<string, (event: KeyboardEvent) => unknown>;

const STORAGE_KEY = "fluxden.shortcuts";
const SEQUENCE_TIMEOUT = 1200;

/** Whether single keys are shortcuts. Users of speech input need to turn them off (WCAG 2.1.4). */
export const shortcutsEnabled = signal(localStorage.getItem(STORAGE_KEY) !== "off");
const layers: Array<{ current: Handlers }> = [];
let prefix = "";
let prefixAt = 0;

export function setShortcutsEnabled(on: boolean): void {
  shortcutsEnabled.value = on;
  localStorage.setItem(STORAGE_KEY, on ? "on" : "off");
}

/** Handle keys while the component is mounted: "j", or "g i" for a sequence. The latest component wins. */
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
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox], [type=radio])"))
  );
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (!shortcutsEnabled.value && event.key.length === 1) return;
  const pair = prefix && Date.now() - prefixAt < SEQUENCE_TIMEOUT ? `${prefix} ${event.key}` : "";
  prefix = "";
  for (const name of pair ? [pair, event.key] : [event.key]) {
    const handler = layers.findLast((each) => each.current[name]);
    if (!handler) continue;
    if (handler.current[name]?.(event) !== false) event.preventDefault();
    return;
  }
  const isPrefix = layers.some((each) => Object.keys(each.current).some((name) => name.startsWith(`${event.key} `)));
  if (isPrefix) [prefix, prefixAt] = [event.key, Date.now()];
});
