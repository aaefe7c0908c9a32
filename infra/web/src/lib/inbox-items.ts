/** What the API tells of deliveries, and the filters of a list. */

export const SEVERITIES = ["critical", "warn", "info", "success"] as const;
export type Severity = (typeof SEVERITIES)[number];
export type Outcome = "pending" | "delivered" | "failed" | "gone";

/** A delivery in a list. */
export interface Item {
  deliveryId: string;
  eventType: string;
  severity: Severity;
  title: string;
  occurredAt: string;
  createdAt: string;
  resolvedAt?: string | null;
  fireCount: number;
  /** When the event was sent last. Desks before this release don't say it. */
  lastFiredAt?: string;
  tone?: "neutral" | "positive" | "negative";
  summary?: string;
  externalStatus?: string;
  readAt?: string | null;
  archivedAt?: string | null;
  snoozedUntil?: string | null;
  /** Only if the list was asked for them. */
  labels?: Record<string, string>;
}

export interface Action {
  index: number;
  label: string;
  actionType: "url" | "webhook";
  url?: string;
  outcome: Outcome | null;
  attempts: Array<{ at: string; status: number | null; error: string | null; nextAttemptAt: string | null }>;
}

/** A delivery with every field of its event, its actions and its supplements. */
export interface Delivery extends Item {
  eventId: string;
  resolutionNote?: string | null;
  projectSlug?: string;
  externalUrl?: string;
  locale?: string;
  markdownBody?: string;
  markdownBodyRendering?: "collapsed" | "expanded" | "preview";
  actor?: { email: string; name?: string };
  actions: Action[];
  supplements: Array<{ id: string; markdownBody: string; createdAt: string }>;
}

/** A change to an item. Omitted members stay as they are. */
export interface Change {
  read?: boolean;
  archived?: boolean;
  snoozedUntil?: string | null;
}

/** The filters, by their names in the address of the page. `days` counts back from now. */
export const FILTERS = ["view", "q", "severity", "status", "type", "integrator", "label", "days"] as const;
export type Filters = Record<(typeof FILTERS)[number], string>;

/** Return the filters of an address. */
export function filtersFrom(params: URLSearchParams): Filters {
  const entries = FILTERS.map((name) => [name, params.get(name) ?? ""]);
  return { ...(Object.fromEntries(entries) as Filters), view: params.get("view") || "inbox" };
}
