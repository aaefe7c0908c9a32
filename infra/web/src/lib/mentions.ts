import { call, query } from "./api";

/** A suggestion for a mention. `inserted` is the text that it adds to the message. */
export interface Mention {
  id: string;
  name: string;
  detail: string;
  inserted: string;
  kind: "person" | "agent" | "team" | "command";
}

interface MentionRow {
  id: string;
  type: Mention["kind"];
  name: string;
  username?: string;
  subtitle?: string | null;
  description?: string | null;
  fullCommand?: string;
}

const PATH = "api/chat/mentions";
// The server returns at most this many. A shorter result is complete, so longer queries are answered from it.
const PAGE_SIZE = 10;
const cache = new Map<string, MentionRow[]>();

/** Return the mention that ends at `caret`: its start, its sign and its text so far. */
export function mentionAt(text: string, caret: number): { start: number; sign: "@" | "!"; q: string } | null {
  const rows = /(?:^|\s)([@!])([\p{L}\p{N}._-]{0,40})$/u.exec(text.slice(0, caret));
  if (!rows) return null;
  const [, sign = "@", q = ""] = rows;
  return { start: caret - q.length - 1, sign: sign as "@" | "!", q };
}

export async function searchMentions(sign: "@" | "!", q: string): Promise<Mention[]> {
  const kinds = sign === "!" ? ["commands"] : ["agents", "people", "teams"];
  const rows = await Promise.all(kinds.map((kind) => searchKind(kind, q.toLowerCase())));
  return rows.flat().map(toMention).slice(0, 8);
}

async function searchKind(kind: string, q: string): Promise<MentionRow[]> {
  for (let length = q.length; length >= 0; length--) {
    const part = q.slice(0, length);
    const rows = cache.get(`${kind} ${part}`);
    if (rows && (length === q.length || rows.length < PAGE_SIZE)) return rows.filter((row) => matches(row, q));
  }
  const rows = await call<MentionRow[]>("GET", query(PATH, { type: kind, q }));
  cache.set(`${kind} ${q}`, rows);
  return rows;
}

function matches(row: MentionRow, q: string): boolean {
  return [row.name, row.username, row.fullCommand, row.subtitle].some((each) => each?.toLowerCase().includes(q));
}

function toMention(row: MentionRow): Mention {
  const handle = row.fullCommand ?? `@${row.username ?? row.name}`;
  return {
    id: row.id,
    name: row.type === "command" ? handle : row.name,
    detail: row.description ?? row.subtitle ?? "",
    inserted: handle,
    kind: row.type,
  };
}
