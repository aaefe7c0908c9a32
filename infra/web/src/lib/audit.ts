import { lines, query } from "./api";
import { readPatiently } from "./export";
import { type MessageKey, t, valueLabel } from "./i18n";
import { host } from "./urls";
import { auditEn } from "./words-audit-en";

/** One change, or one refused attempt, as the API gives it to operators and to the people whom it concerns. */
export interface Entry {
  id: string;
  at: string;
  kind: string;
  actor: {
    kind: string;
    id: string | null;
    name: string | null;
    email: string | null;
    credential: string | null;
    credentialId: string | null;
    isClaimed: boolean;
  };
  subject: {
    type: string;
    id: string;
    personId: string | null;
    personName: string | null;
    personEmail: string | null;
  } | null;
  address: string | null;
  requestId: string | null;
  details: Record<string, string>;
}

export interface EntryPage {
  entries: Entry[];
  nextCursor: string | null;
}

export const AUDIT = "api/v2/operate/audit";

const PREFIX = "audit.kind.";
/** The kinds by what they are about, in the order of the texts. */
export const KINDS = new Map<string, string[]>();
for (const name of Object.keys(auditEn)) {
  if (!name.startsWith(PREFIX)) continue;
  const kind = name.slice(PREFIX.length);
  const subject = kind.slice(0, kind.indexOf("."));
  KINDS.set(subject, [...(KINDS.get(subject) ?? []), kind]);
}

/** What somebody did, to follow their name. A newer server may have a kind without a text. */
export const actionText = (kind: string): string => valueLabel("audit.kind", kind);

/** A kind, or a group of kinds (`key.`), as a title. */
export function kindTitle(kind: string): string {
  const text = kind.endsWith(".")
    ? t("audit.allOf", { name: valueLabel("audit.subject", kind.slice(0, -1)) })
    : actionText(kind);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export const isRefusal = (kind: string): boolean => kind.endsWith(".refuse") || kind.startsWith("refusals.");

/** Ids and the refs of erased people are random: their beginning tells them apart. Others are words, and stay whole. */
export const shortId = (id: string): string => (/^[0-9a-f][0-9a-f-]{23,}$/.test(id) ? id.slice(0, 8) : id);

/** Who acted, in a few words. */
export function actorName({ kind, id, name }: Entry["actor"]): string {
  if (kind === "person") return name ?? withId(t("audit.actor.person"), id);
  if (!id || kind === "stranger") return valueLabel("audit.actor", kind);
  if (kind === "directory" || kind === "instance") return withId(valueLabel("audit.actor", kind), id);
  return kind === "peer" ? host(id) : id;
}

const withId = (text: string, id: string | null): string => (id ? `${text} ${shortId(id)}` : text);

/** What was changed, in a few words. Empty where the action says it all. */
export function subjectName(entry: Entry): string {
  const { subject, details } = entry;
  if (!subject || subject.type === "session") return "";
  if (subject.id === subject.personId) return concernedName(entry);
  if (details.name && details.name !== "changed" && !details.name.includes(" → ")) return details.name;
  return subject.type === "origin" ? host(subject.id) : shortId(subject.id);
}

/** Whom the change concerns, if it is somebody else than who acted. */
export function concernedName({ actor, subject }: Entry): string {
  if (!subject?.personId || (actor.kind === "person" && subject.personId === actor.id)) return "";
  return subject.personName ?? withId(t("audit.actor.person"), subject.personId);
}

/** The name of a detail. Names without a text are those of the API. */
export function detailName(name: string): string {
  const text = valueLabel("audit.detail", name);
  return text === name ? name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase() : text;
}

/** The value of a detail, such as `yes`. */
export const detailValue = (value: string): string =>
  `audit.value.${value}` in auditEn ? t(`audit.value.${value}` as MessageKey) : value;

export interface Filters {
  personId: string | null;
  kind: string | null;
  from: string | null;
  to: string | null;
}

/** Read all entries that match as JSON lines. `onProgress` gets their number so far. Null if it was stopped. */
export async function readAuditExport(
  filters: Filters,
  onProgress: (entries: number) => void,
  isStopped: () => boolean,
): Promise<Blob | null> {
  const parts: string[] = [];
  let [count, after]: [number, string | null] = [0, null];
  do {
    const part = await readPatiently(() => lines(query(`${AUDIT}/export`, { ...filters, after })));
    if (isStopped()) return null;
    parts.push(part.text);
    count += part.text.split("\n").length - 1;
    after = part.next;
    onProgress(count);
  } while (after !== null);
  return new Blob(parts, { type: "application/x-ndjson" });
}
