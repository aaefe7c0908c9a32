import { signal } from "@preact/signals";
import { data, query } from "./api";

export interface Contact {
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

export const CONTACTS = "api/v2/contacts";

export const contacts = signal<Contact[]>([]);
export const total = signal(0);
export const more = signal(false);
export const contactsState = signal<"loading" | "ready" | { error: unknown }>("loading");
let latestLoad = 0;

/** Load the contacts from `offset`; an answer that a later load overtook is dropped. */
export async function loadContacts(search: string, tag: string, offset = 0, { silent = false } = {}): Promise<void> {
  const loadNumber = ++latestLoad;
  if (!offset && !silent) contactsState.value = "loading";
  try {
    const page = await data<{
      contacts: Contact[];
      pagination: { total: number; hasMore: boolean };
    }>("GET", query(CONTACTS, { search, tag, limit: 100, offset }));
    if (loadNumber !== latestLoad) return;
    contacts.value = offset ? [...contacts.value, ...page.contacts] : page.contacts;
    total.value = page.pagination.total;
    more.value = page.pagination.hasMore && page.contacts.length > 0;
    contactsState.value = "ready";
  } catch (error) {
    if (loadNumber === latestLoad) contactsState.value = { error };
  }
}

/** Return the tags, which are stored as one text. */
export const tagsOf = (contact: Contact) =>
  (contact.tags ?? "")
    .split(",")
    .map((each) => each.trim())
    .filter(Boolean);
