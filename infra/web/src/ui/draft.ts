import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { DRAFT_PREFIX, me } from "../lib/session";

// Passwords and keys have fields of another type, and are not kept.
const TYPES = ["text", "search", "email", "url", "tel", "number", "date", "datetime-local", "checkbox", "radio"];
const FIELDS = ["textarea[name]", "select[name]", "input[name]:not([type])", ...TYPES.map((type) => `input[type=${type}][name]`)];
const SELECTOR = FIELDS.join();
// A choice may show further fields, which may have choices that show further ones.
const MOST_PASSES = 3;

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

export interface Draft {
  form: RefObject<HTMLFormElement | null>;
  /** Whether the form began with what was entered into it before. */
  isRestored: Signal<boolean>;
  /** Forget what is kept, because it was sent or is not wanted. */
  forget: () => void;
  /** Give the fields the values that they had without a draft. */
  discard: () => void;
}

// The tab may be used by somebody else later.
export const draftKey = (name: string): string => `${DRAFT_PREFIX}${me.value?.id}.${name}`;

/**
 * Keep what is entered into a form until it is sent, also when the user leaves the page or reloads it.
 *
 * It stays in this tab. `name` names the form and, where it edits an item, the item; null keeps nothing. `isReady` says
 * that the choices of the form have been loaded. A field is kept by its name, a box to check by its name and value.
 */
export function useDraft(name: string | null, isReady = true): Draft {
  const form = useRef<HTMLFormElement>(null);
  const isRestored = useSignal(false);
  const initial = useRef(new Map<Field, string>());
  const key = name === null ? null : draftKey(name);
  const forget = () => {
    isRestored.value = false;
    if (key) sessionStorage.removeItem(key);
  };
  useEffect(() => {
    const element = form.current;
    if (!element || !key) return;
    const fields = (before = contentOf) => {
      const found = [...element.querySelectorAll<Field>(SELECTOR)];
      for (const each of found) if (!initial.current.has(each)) initial.current.set(each, before(each));
      return found;
    };
    const kept = JSON.parse(sessionStorage.getItem(key) ?? "{}") as Record<string, string>;
    let isFilling = false;
    const restore = (passes: number) => {
      isFilling = true;
      const filled = fields().filter((field) => fill(field, kept[idOf(field)]));
      isFilling = false;
      if (!filled.length) return;
      isRestored.value = true;
      if (passes > 1) timer = setTimeout(() => restore(passes - 1));
    };
    let timer = 0;
    restore(MOST_PASSES);
    const keep = () => {
      clearTimeout(timer);
      // A field that has appeared since had what its form gave it.
      const changed = fields(defaultOf).filter((each) => contentOf(each) !== initial.current.get(each));
      const contents = changed.map((each) => [idOf(each), contentOf(each)]);
      // What is kept of choices that are still being loaded stays.
      const all = { ...(isReady ? {} : kept), ...Object.fromEntries(contents) };
      if (Object.keys(all).length) sessionStorage.setItem(key, JSON.stringify(all));
      else sessionStorage.removeItem(key);
    };
    // What the form does about the event comes first.
    const keepLater = () => {
      if (!isFilling) queueMicrotask(keep);
    };
    element.addEventListener("input", keepLater);
    return () => {
      clearTimeout(timer);
      element.removeEventListener("input", keepLater);
    };
  }, [key, isReady]);
  const discard = () => {
    for (const [field, content] of initial.current) fill(field, content);
    forget();
  };
  return { form, isRestored, forget, discard };
}

const isBox = (field: Field): field is HTMLInputElement => field.type === "checkbox" || field.type === "radio";

const idOf = (field: Field): string => (isBox(field) ? `${field.name}=${field.value}` : field.name);

const contentOf = (field: Field): string => (isBox(field) ? (field.checked ? "on" : "") : field.value);

function defaultOf(field: Field): string {
  if (isBox(field)) return field.defaultChecked ? "on" : "";
  if (!(field instanceof HTMLSelectElement)) return field.defaultValue;
  return ([...field.options].find((each) => each.defaultSelected) ?? field.options[0])?.value ?? "";
}

/** Give a field its content, as if it was entered. Returns whether that is another one. */
function fill(field: Field, content: string | undefined): boolean {
  if (content === undefined || content === contentOf(field)) return false;
  // Another button of its group takes the choice from it.
  if (field.type === "radio" && !content) return false;
  if (isBox(field)) field.checked = content === "on";
  else field.value = content;
  // A choice that is not there any more.
  if (contentOf(field) !== content) return false;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  if (isBox(field) || field instanceof HTMLSelectElement) field.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}
