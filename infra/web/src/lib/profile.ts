import { ApiError } from "./api";

interface TopicFilter {
  topic?: string;
  projectId?: string;
  teamId?: string;
}

export interface ProfileFields {
  headline: string | null;
  bio: string | null;
  currentTitle: string | null;
  currentCompany: string | null;
  industry: string | null;
  skills: string[];
  taskTypes: string[];
  languages: string[];
  hobbies: string[];
  superpowers: string[];
  timezone: string | null;
  capacity: string;
  visibility: "public" | "connections" | "private";
  relayMode: "full" | "selective" | "minimal" | "off";
  allowAmbientInbound: boolean;
  allowAmbientOutbound: boolean;
  allowBroadcasts: boolean;
  autoRespondAmbient: boolean;
  relayQuietHours: { start: string; end: string; timezone: string } | null;
  relayTopicFilters: Array<string | TopicFilter>;
}

/** The names of the fields that have this type. */
export type FieldsOfType<V> = { [K in keyof ProfileFields]: ProfileFields[K] extends V ? K : never }[keyof ProfileFields];

export const isEqual = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** Return the members that differ. Only these are saved, so that changes in another tab stay. */
export function changed(from: ProfileFields, to: ProfileFields): Partial<ProfileFields> {
  const names = Object.keys(to) as Array<keyof ProfileFields>;
  return Object.fromEntries(names.filter((name) => !isEqual(from[name], to[name])).map((name) => [name, to[name]]));
}

/** Return the field that an error names, and its reason: `skills.0: …` belongs to `skills`. */
export function fieldError(error: unknown, within: ProfileFields): [string, string] | null {
  const [, name = "", reason = ""] = (error instanceof ApiError && /^(\w+)[\w.]*: (.+)$/s.exec(error.detail)) || [];
  return name in within ? [name, reason] : null;
}

/** Return the text of a topic filter. */
export function topicText(entry: string | TopicFilter): string {
  return typeof entry === "string" ? entry : [entry.topic, entry.projectId, entry.teamId].filter(Boolean).join(" + ");
}
