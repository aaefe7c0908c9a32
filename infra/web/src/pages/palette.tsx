import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../lib/i18n";
import { type Entry, hasWords, preparePalette, searchDesk, searchLoaded, viewEntries } from "../lib/palette";
import { Dialog } from "../ui/parts";
import { useDebounced } from "../ui/hooks";

const SEARCH_DELAY = 200;

/** Call `open` when Ctrl-K or Cmd-K is pressed, also while typing, but not over a dialog. */
export function usePaletteKey(open: () => void): void {
  const latest = useRef(open);
  latest.current = open;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isKey = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k";
      if (!isKey || event.isComposing) return;
      event.preventDefault();
      if (!document.querySelector("dialog[open]")) latest.current();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

/** Finds pages, actions, saved views, notifications, tasks, cards and contacts, by keyboard only. */
export function Palette({ own, onClose }: { own: Entry[]; onClose: () => void }) {
  const typed = useSignal("");
  const active = useSignal(0);
  const fromDesk = useSignal<{ typed: string; entries: Entry[] }>({ typed: "", entries: [] });
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => void preparePalette(), []);

  const settled = useDebounced(typed.value.trim(), SEARCH_DELAY);
  useEffect(() => {
    if (!settled) return;
    let isLatest = true;
    void searchDesk(settled).then((entries) => {
      if (isLatest) fromDesk.value = { typed: settled, entries };
    });
    return () => {
      isLatest = false;
    };
  }, [settled]);

  const text = typed.value.trim();
  const known = [...own, ...viewEntries()].filter((each) => hasWords(each.text, text));
  // What the desk has found for the text before is not shown for this one.
  const searched = fromDesk.value.typed === text ? fromDesk.value.entries : [];
  const entries = text ? [...known, ...searchLoaded(text), ...searched] : known;
  const at = Math.min(active.value, entries.length - 1);
  const isSearching = Boolean(text) && fromDesk.value.typed !== text;
  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [at, entries.length]);

  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    onClose();
    // The dialog gives the focus back when it closes; what is opened may take it then.
    setTimeout(entry.run);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step && entries.length) active.value = (at + step + entries.length) % entries.length;
    else if (event.key === "Enter") run(entries[at]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={t("palette.title")} onClose={onClose}>
      <input
        class="palette-input"
        type="text"
        role="combobox"
        autoFocus
        maxLength={200}
        autocomplete="off"
        aria-label={t("palette.search")}
        placeholder={t("palette.search")}
        aria-autocomplete="list"
        aria-expanded={entries.length > 0}
        aria-controls="palette-list"
        aria-activedescendant={entries.length ? `palette-${at}` : undefined}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
          active.value = 0;
        }}
        onKeyDown={onKeyDown}
      />
      <ul class="palette" id="palette-list" role="listbox" aria-label={t("palette.results")} ref={list}>
        {entries.map((each, index) => (
          <li
            key={`${each.kind}-${each.id}`}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === at}
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => run(each)}
          >
            <span class="palette-text">
              <b dir="auto">{each.text}</b>
              {each.detail && <small dir="auto">{each.detail}</small>}
            </span>
            <small class="faint">{t(`palette.${each.kind}`)}</small>
          </li>
        ))}
      </ul>
      <p class="faint" role="status">
        {isSearching ? t("loading") : entries.length ? "" : t("palette.nothing")}
      </p>
    </Dialog>
  );
}
