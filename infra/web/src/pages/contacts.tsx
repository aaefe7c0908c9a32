import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { data, query } from "../lib/api";
import { valueLabel, t } from "../lib/i18n";
import { onResync, subscribe } from "../lib/live";
import { useShortcuts } from "../lib/shortcuts";
import { setParams, go, href, route } from "../lib/router";
import { FormDialog } from "../ui/form";
import { useReachedEnd } from "../ui/hooks";
import { Icon } from "../ui/icons";
import { Avatar, Chip, EmptyState, Field, IconButton, Skeleton, ErrorState, NarrowTitle } from "../ui/parts";
import { showError, showToast } from "../ui/toasts";

interface Contact {
  id: string;
  name: string;
  email: string | null;
  phone: string | null;
  company: string | null;
  role: string | null;
  notes: string | null;
  tags: string | null;
  source: string | null;
  cards: Array<{ id: string; role: string | null; card: { id: string; title: string; status: string } | null }>;
}

const PATH = "api/v2/contacts";
const FIELDS = ["name", "email", "phone", "company", "role", "tags"] as const;

const contacts = signal<Contact[]>([]);
const total = signal(0);
const more = signal(false);
const contactsState = signal<"loading" | "ready" | { error: unknown }>("loading");
let latestLoad = 0;
const REFRESH_DELAY = 400;

async function load(search: string, tag: string, offset = 0, { silent = false } = {}): Promise<void> {
  const loadNumber = ++latestLoad;
  if (!offset && !silent) contactsState.value = "loading";
  try {
    const page = await data<{
      contacts: Contact[];
      pagination: { total: number; hasMore: boolean };
    }>("GET", query(PATH, { search, tag, limit: 100, offset }));
    if (loadNumber !== latestLoad) return;
    contacts.value = offset ? [...contacts.value, ...page.contacts] : page.contacts;
    total.value = page.pagination.total;
    more.value = page.pagination.hasMore && page.contacts.length > 0;
    contactsState.value = "ready";
  } catch (error) {
    if (loadNumber === latestLoad) contactsState.value = { error };
  }
}

const tagsOf = (contact: Contact) =>
  (contact.tags ?? "")
    .split(",")
    .map((each) => each.trim())
    .filter(Boolean);

export function Contacts() {
  const { id, params } = route.value;
  const [search, tag] = [params.get("search") ?? "", params.get("tag") ?? ""];
  const editing = useSignal<Contact | "new" | null>(null);
  const box = useRef<HTMLInputElement>(null);
  const timer = useRef(0);
  const refreshTimer = useRef(0);
  const end = useReachedEnd(
    () => more.value && contactsState.value === "ready" && void load(search, tag, contacts.value.length),
  );
  useEffect(() => void load(search, tag), [search, tag]);
  useEffect(() => {
    const refresh = () => void load(search, tag, 0, { silent: true });
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
          <ErrorState error={loadState.error} onRetry={() => void load(search, tag)} />
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
            void load(search, tag).then(() => go(href("contacts", saved, params), { replace: true }));
          }}
        />
      )}
    </section>
  );
}

function ContactDetail({ contact, onBack, onEdit }: { contact: Contact; onBack: () => void; onEdit: () => void }) {
  const confirming = useSignal(false);
  const remove = async () => {
    if (!confirming.value) {
      confirming.value = true;
      return;
    }
    try {
      await data("DELETE", `${PATH}/${contact.id}`);
      contacts.value = contacts.value.filter((each) => each.id !== contact.id);
      showToast(t("contacts.deleted", { name: contact.name }));
      onBack();
    } catch (error) {
      showError(error);
    }
  };
  return (
    <article class="detail" key={contact.id}>
      <NarrowTitle text={t("page.contacts")} />
      <div class="detail-tools" role="toolbar" aria-label={contact.name}>
        <span class="only-narrow">
          <IconButton icon="back" label={t("back")} onClick={onBack} />
        </span>
        <span class="grow" />
        <button type="button" class="button" onClick={onEdit}>
          {t("edit")}
        </button>
        <button type="button" class="button button-danger" onClick={remove}>
          {confirming.value ? t("deleteConfirm") : t("delete")}
        </button>
      </div>
      <div class="detail-scroll">
        <div class="sheet">
          <div class="person-head">
            <Avatar name={contact.name} />
            <div>
              <h2 dir="auto">{contact.name}</h2>
              <p class="faint">{[contact.role, contact.company].filter(Boolean).join(" · ")}</p>
            </div>
          </div>
          <div class="chips">
            {tagsOf(contact).map((each) => (
              <button type="button" class="chip chip-button" key={each} onClick={() => setParams({ tag: each })}>
                {each}
              </button>
            ))}
          </div>
          <dl class="facts">
            {contact.email && (
              <>
                <dt>{t("contacts.email")}</dt>
                <dd>
                  <a href={`mailto:${contact.email}`}>{contact.email}</a>
                </dd>
              </>
            )}
            {contact.phone && (
              <>
                <dt>{t("contacts.phone")}</dt>
                <dd>
                  <a href={`tel:${contact.phone.replace(/[^+\d]/g, "")}`}>{contact.phone}</a>
                </dd>
              </>
            )}
            {contact.source && (
              <>
                <dt>{t("contacts.source")}</dt>
                <dd>{contact.source}</dd>
              </>
            )}
          </dl>
          {contact.notes && <p class="lead" dir="auto">{contact.notes}</p>}
          {contact.cards.length > 0 && (
            <section>
              <h3>{t("contacts.cards")}</h3>
              <ul class="links">
                {contact.cards.map(
                  ({ id, role, card }) =>
                    card && (
                      <li key={id}>
                        <a href={href("board", card.id)}>
                          <bdi>{card.title}</bdi>
                        </a>
                        <Chip>{valueLabel("stage", card.status)}</Chip>
                        {role && <span class="faint">{role}</span>}
                      </li>
                    ),
                )}
              </ul>
            </section>
          )}
        </div>
      </div>
    </article>
  );
}

function EditContact({
  contact,
  onClose,
  onSaved,
}: {
  contact: Contact | null;
  onClose: () => void;
  onSaved: (id: string) => void;
}) {
  return (
    <FormDialog
      title={contact ? t("contacts.edit") : t("contacts.add")}
      action={t("save")}
      draft={`contact.${contact?.id ?? "new"}`}
      onClose={onClose}
      onSend={async (field) => {
        const body = Object.fromEntries([...FIELDS, "notes"].map((name) => [name, field(name) || null]));
        const saved = contact
          ? await data<Contact>("PATCH", `${PATH}/${contact.id}`, body)
          : await data<Contact>("POST", PATH, body);
        onSaved(saved.id);
      }}
    >
      {FIELDS.map((name) => (
        <Field key={name} label={t(`contacts.${name}`)}>
          <input
            name={name}
            {...(name === "email" ? { inputMode: "email" as const } : name === "phone" ? { type: "tel" } : {})}
            required={name === "name"}
            defaultValue={contact?.[name] ?? ""}
            autoFocus={name === "name"}
          />
        </Field>
      ))}
      <Field label={t("contacts.notes")}>
        <textarea name="notes" rows={3} defaultValue={contact?.notes ?? ""} />
      </Field>
    </FormDialog>
  );
}
