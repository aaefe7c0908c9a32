import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { setParams } from "../lib/router";

/** The search box, which puts its text into the address a moment after it was typed. */
export function SearchInput({
  inner,
  value,
  placeholder,
}: {
  inner: RefObject<HTMLInputElement | null>;
  value: string;
  placeholder: string;
}) {
  const timer = useRef(0);
  // A pending search must not run on the next page.
  useEffect(() => () => clearTimeout(timer.current), []);
  // Going back changes the address, not the text in the box.
  useEffect(() => {
    const box = inner.current;
    if (box && box !== document.activeElement) box.value = value;
  }, [value]);
  return (
    <input
      ref={inner}
      type="search"
      class="search-input"
      placeholder={placeholder}
      defaultValue={value}
      maxLength={200}
      aria-keyshortcuts="/"
      onInput={(event) => {
        const text = event.currentTarget.value;
        clearTimeout(timer.current);
        timer.current = setTimeout(() => setParams({ q: text.trim() || null, at: null }), 300);
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") event.currentTarget.blur();
      }}
    />
  );
}
