import { me } from "./session";
import { now } from "./time";

export interface Key {
  id: string;
  name: string;
  keyPrefix: string;
  permissions: "all" | string[];
  isActive: boolean;
  expiresAt: string | null;
  lastUsedAt: string | null;
  lastUsedFrom: string | null;
  usageCount: number;
  createdAt: string;
  /** The id of the key that created this one. Null if it was an operator, or the user after signing in. */
  createdBy: string | null;
}

export type NewKey = Pick<Key, "id" | "name" | "keyPrefix" | "permissions" | "expiresAt" | "createdAt"> & { key: string };

export const KEYS = "api/v2/keys";

export const isOwn = (key: Key): boolean => key.id === me.value?.key.id;
export const isExpired = (key: Key): boolean => key.expiresAt !== null && Date.parse(key.expiresAt) <= now.value;
export const hasFullAccess = (key: Key): boolean => key.permissions === "all" && key.isActive && !isExpired(key);
