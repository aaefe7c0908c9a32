import { call, query } from "./api";

/** Something a message may mention: `inserted` is what is typed for it. */
export interface Mention {
  id: string;
  name: string;
  detail: string;
  inserted: string;
  kind: "person" | "agent" | "team" | "command";
}

interface Found {
  id: string;
  type: Mention["kind"];
  name: string;
  username?: string;
  subtitle?: string | null;
  description?: string | null;
  fullCommand?: string;
}

const PATH = "api/chat/mentions";
// The desk gives so many; where it gave fewer for less text, what is typed further is found among them.
const MOST = 10;
const known = new Map<string, Found[]>();

/** The mention that is being typed at `caret`: where it begins, its sign and its text so far. */
export function mentionAt(text: string, caret: number): { start: number; sign: "@" | "!"; q: string } | null {
  const found = /(?:^|\s)([@!])([\p{L}\p{N}._-]{0,40})$/u.exec(text.slice(0, caret));
  if (!found) return null;
  const [, sign = "@", q = ""] = found;
  return { start: caret - q.length - 1, sign: sign as "@" | "!", q };
}

export async function mentions(sign: "@" | "!", q: string): Promise<Mention[]> {
  const kinds = sign === "!" ? ["commands"] : ["agents", "people", "teams"];
  const found = await Promise.all(kinds.map((kind) => search(kind, q.toLowerCase())));
  return found.flat().map(shown).slice(0, 8);
}

async function search(kind: string, q: string): Promise<Found[]> {
  for (let length = q.length; length >= 0; length--) {
    const part = q.slice(0, length);
    const rows = known.get(`${kind} ${part}`);
    if (rows && (length === q.length || rows.length < MOST)) return rows.filter((row) => says(row, q));
  }
  const rows = await call<Found[]>("GET", query(PATH, { type: kind, q }));
  known.set(`${kind} ${q}`, rows);
  return rows;
}

function says(row: Found, q: string): boolean {
  return [row.name, row.username, row.fullCommand, row.subtitle].some((each) => each?.toLowerCase().includes(q));
}

function shown(row: Found): Mention {
  const handle = row.fullCommand ?? `@${row.username ?? row.name}`;
  return {
    id: row.id,
    name: row.type === "command" ? handle : row.name,
    detail: row.description ?? row.subtitle ?? "",
    inserted: handle,
    kind: row.type,
  };
}
