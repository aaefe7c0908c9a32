import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../lib/i18n";
import { onResync, subscribe } from "../lib/live";
import { useShortcuts } from "../lib/shortcuts";
import { setParams, go, href, route } from "../lib/router";
import { useLoading, useReachedEnd } from "../ui/hooks";
import { Icon } from "../ui/icons";
import { Avatar, EmptyState, IconButton, Skeleton, ErrorState } from "../ui/parts";
import { type Contact, contacts, total, more, contactsState, loadContacts } from "../lib/contacts";
import { ContactDetail, EditContact } from "./contact";

const REFRESH_DELAY = 400;

export function Contacts() {
  const { id, params } = route.value;
  const [search, tag] = [params.get("search") ?? "", params.get("tag") ?? ""];
  const editing = useSignal<Contact | "new" | null>(null);
  const box = useRef<HTMLInputElement>(null);
  const timer = useRef(0);
  const refreshTimer = useRef(0);
  const end = useReachedEnd(
    () => more.value && contactsState.value === "ready" && void loadContacts(search, tag, contacts.value.length),
  );
  useLoading(() => loadContacts(search, tag), [search, tag]);
  useEffect(() => {
    const refresh = () => void loadContacts(search, tag, 0, { silent: true });
    const stops = [
      subscribe((event) => {
        if (event.type !== "contacts_changed") return;
        clearTimeout(refreshTimer.current);
        refreshTimer.current = setTimeout(refresh, REFRESH_DELAY);
      }),
      onResync(refresh),
    ];
    return () => {
      clearTimeout(refreshTimer.current);
      for (const stop of stops) stop();
    };
  }, [search, tag]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const at = contacts.value.findIndex((each) => each.id === id);
  const show = (contact: Contact | undefined) =>
    contact && go(href("contacts", contact.id, params), { replace: Boolean(id) });
  const close = () => go(href("contacts", null, params), { replace: true });
  useShortcuts({
    j: () => show(contacts.value[at + 1]),
    k: () => show(contacts.value[Math.max(0, at - 1)]),
    "/": () => box.current?.focus(),
    Escape: () => (id ? close() : false),
  });
  const loadState = contactsState.value;
  const open = contacts.value[at];
  return (
    <section class={`split ${id ? "split-open" : ""}`} aria-label={t("page.contacts")}>
      <div class="split-list">
        <header class="head">
          <h1>{t("page.contacts")}</h1>
          <span class="grow" />
          <IconButton icon="plus" label={t("contacts.add")} onClick={() => (editing.value = "new")} />
        </header>
        <div class="tools">
          <label class="search">
            <Icon name="search" size={16} />
            <span class="hidden">{t("contacts.search")}</span>
            <input
              ref={box}
              type="search"
              class="search-input"
              placeholder={t("contacts.search")}
              defaultValue={search}
              maxLength={200}
              onInput={(event) => {
                const text = event.currentTarget.value.trim();
                clearTimeout(timer.current);
                timer.current = setTimeout(() => setParams({ search: text || null }), 300);
              }}
            />
          </label>
          {tag && (
            <button type="button" class="chip chip-button" onClick={() => setParams({ tag: null })}>
              {tag} <Icon name="close" size={12} label={t("contacts.clearTag")} />
            </button>
          )}
        </div>
        {typeof loadState === "object" ? (
          <ErrorState error={loadState.error} onRetry={() => void loadContacts(search, tag)} />
        ) : loadState === "loading" ? (
          <Skeleton rows={8} />
        ) : contacts.value.length === 0 ? (
          <EmptyState icon="contacts" text={search || tag ? t("contacts.noMatches") : t("contacts.empty")} />
        ) : (
          <div class="scroll">
            <ul class="items">
              {contacts.value.map((each) => (
                <li key={each.id}>
                  <a
                    class="item"
                    href={href("contacts", each.id, params)}
                    aria-current={each.id === id ? "true" : undefined}
                  >
                    <Avatar name={each.name} />
                    <span class="item-main">
                      <span class="item-title" dir="auto">
                        {each.name}
                      </span>
                      <span class="item-summary">
                        {[each.role, each.company].filter(Boolean).join(" · ") || each.email}
                      </span>
                    </span>
                  </a>
                </li>
              ))}
            </ul>
            <div class="end" ref={end}>
              <span class="faint">{more.value ? t("loading") : t("contacts.total", { n: total.value })}</span>
            </div>
          </div>
        )}
      </div>
      <div class="split-detail">
        {open ? (
          <ContactDetail contact={open} onBack={close} onEdit={() => (editing.value = open)} />
        ) : (
          <EmptyState icon="contacts" text={t(id && loadState === "ready" ? "contacts.notFound" : "contacts.select")}>
            {id && (
              <button type="button" class="button only-narrow" onClick={close}>
                {t("back")}
              </button>
            )}
          </EmptyState>
        )}
      </div>
      {editing.value && (
        <EditContact
          contact={editing.value === "new" ? null : editing.value}
          onClose={() => (editing.value = null)}
          onSaved={(saved) => {
            editing.value = null;
            void loadContacts(search, tag).then(() => go(href("contacts", saved, params), { replace: true }));
          }}
        />
      )}
    </section>
  );
}
