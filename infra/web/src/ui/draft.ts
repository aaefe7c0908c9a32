import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { DRAFT_PREFIX, me } from "../lib/session";

const TYPES = ["text", "search", "email", "url", "tel"].map((type) => `input[type=${type}][name]`);
const TEXTS = ["textarea[name]", "input[name]:not([type])", ...TYPES].join();

type TextField = HTMLInputElement | HTMLTextAreaElement;

export interface Draft {
  form: RefObject<HTMLFormElement | null>;
  /** Whether the form began with what was typed into it before. */
  isRestored: Signal<boolean>;
  /** Forget what is kept, because it was sent or is not wanted. */
  forget: () => void;
  /** Give the fields the values that they had without a draft. */
  discard: () => void;
}

// The tab may be used by somebody else later.
export const draftKey = (name: string): string => `${DRAFT_PREFIX}${me.value?.id}.${name}`;

/**
 * Keep what is typed into a form until it is sent, also when the user leaves the page or reloads it.
 *
 * It stays in this tab. `name` names the form and, where it edits an item, the item; null keeps nothing. Passwords and
 * keys have fields of another type and are not kept.
 */
export function useDraft(name: string | null): Draft {
  const form = useRef<HTMLFormElement>(null);
  const isRestored = useSignal(false);
  const initial = useRef(new Map<TextField, string>());
  const key = name === null ? null : draftKey(name);
  const forget = () => {
    isRestored.value = false;
    if (key) sessionStorage.removeItem(key);
  };
  useEffect(() => {
    const element = form.current;
    if (!element || !key) return;
    const fields = () => [...element.querySelectorAll<TextField>(TEXTS)];
    initial.current = new Map(fields().map((each) => [each, each.value]));
    const kept = JSON.parse(sessionStorage.getItem(key) ?? "{}") as Record<string, string>;
    for (const field of fields()) {
      const text = kept[field.name];
      if (text === undefined || text === field.value) continue;
      fill(field, text);
      isRestored.value = true;
    }
    const keep = () => {
      const typed = fields().filter((each) => each.value !== (initial.current.get(each) ?? each.defaultValue));
      if (typed.length) {
        sessionStorage.setItem(key, JSON.stringify(Object.fromEntries(typed.map((each) => [each.name, each.value]))));
      } else sessionStorage.removeItem(key);
    };
    element.addEventListener("input", keep);
    return () => element.removeEventListener("input", keep);
  }, [key]);
  const discard = () => {
    for (const [field, text] of initial.current) if (field.value !== text) fill(field, text);
    forget();
  };
  return { form, isRestored, forget, discard };
}

function fill(field: TextField, text: string): void {
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}
