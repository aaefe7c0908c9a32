import { call } from "./api";
import type { Severity } from "./inbox-items";

export type Way = "inbox" | "push" | "email" | "digest" | "channel" | "mute";

export interface PreferenceRule {
  integrator?: string;
  eventType?: string;
  severity?: Severity;
  ways: Way[];
  channels?: string[];
}

export interface QuietHours {
  start: string;
  end: string;
  exceptCritical: boolean;
}

export const EVERY = ["hour", "day", "week"] as const;
export const WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;

/** When digests are sent; the time is not for hourly ones, and the day of the week for weekly ones only. */
export interface DigestTimes {
  every: (typeof EVERY)[number];
  at: string;
  weekday: (typeof WEEKDAYS)[number];
}

/** Seconds that each kind of channel waits; null stands for the default. */
export interface Waits {
  email: number | null;
  chat: number | null;
  webhook: number | null;
}

/** How notifications reach the person, and how many their rules have muted. */
export interface Preferences {
  rules: PreferenceRule[];
  timeZone: string;
  quietHours: QuietHours | null;
  pausedUntil: string | null;
  digest: DigestTimes;
  waits: Waits;
  /** Whether what was read comes back unread when its event is sent again. */
  unreadOnRepeat: boolean;
  version: number;
  muted: number;
}

export const MOST_RULES = 50;

const PATH = "api/v1/me/preferences";

export const loadPreferences = (): Promise<Preferences> => call<Preferences>("GET", PATH);

type Settable = Omit<Preferences, "version" | "muted">;

/** Returns what is to change of the preferences that are stored. */
export type Edit = (stored: Settable) => Partial<Settable>;

/** Change the preferences as they are stored now, since another client may have changed them. Errors are thrown. */
export async function changePreferences(edit: Edit): Promise<Preferences> {
  const { muted: _, ...stored } = await loadPreferences();
  return call<Preferences>("PUT", PATH, { ...stored, ...edit(stored) });
}

/** What a rule matches, as one text; preferences have one rule for each. */
export const selectorOf = ({ integrator, eventType, severity }: PreferenceRule): string =>
  JSON.stringify([integrator, eventType, severity]);
