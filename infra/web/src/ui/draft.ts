import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { DRAFT_PREFIX, me } from "../lib/session";

const TEXTS = "textarea[name], input[name]:not([type]), input[type=text][name], input[type=search][name]";

/**
 * Keep what is typed into a form until it is sent, also when the user leaves the page or reloads it.
 *
 * It stays in this tab. Call `forget` once it was sent. Passwords and keys have fields of another type and are not kept.
 */
export function useDraft(name: string): { form: RefObject<HTMLFormElement | null>; forget: () => void } {
  const form = useRef<HTMLFormElement>(null);
  // The tab may be used by somebody else later.
  const key = `${DRAFT_PREFIX}${me.value?.id}.${name}`;
  useEffect(() => {
    const element = form.current;
    if (!element) return;
    const fields = () => [...element.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>(TEXTS)];
    const kept = JSON.parse(sessionStorage.getItem(key) ?? "{}") as Record<string, string>;
    for (const field of fields()) {
      const text = kept[field.name];
      if (!text || field.value) continue;
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    const keep = () => {
      const texts = fields().filter((each) => each.value);
      if (texts.length) {
        sessionStorage.setItem(key, JSON.stringify(Object.fromEntries(texts.map((each) => [each.name, each.value]))));
      } else sessionStorage.removeItem(key);
    };
    element.addEventListener("input", keep);
    return () => element.removeEventListener("input", keep);
  }, [key]);
  return { form, forget: () => sessionStorage.removeItem(key) };
}
