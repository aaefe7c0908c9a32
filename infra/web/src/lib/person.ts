import type { Employee } from "../pages/admin-people";

export interface Person extends Employee {
  projects: Array<{ slug: string; name: string; role: "admin" | "member" }>;
  sessions: Array<{
    id: string;
    isCurrent: boolean;
    device: string;
    createdAt: string;
    startedFrom: string | null;
    lastUsedAt: string | null;
  }>;
  keys: Array<{
    id: string;
    name: string;
    keyPrefix: string;
    isActive: boolean;
    expiresAt: string | null;
    lastUsedAt: string | null;
  }>;
  personalTokens: Array<{
    id: string;
    integrator: string;
    label: string | null;
    status: string;
    lastUsedAt: string | null;
  }>;
  groups: string[];
  passkeys: number;
  connections: number;
  browsers: number;
  lastSeenAt: string | null;
}
