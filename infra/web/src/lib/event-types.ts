import { signal } from "@preact/signals";
import { data } from "./api";

export interface DeclaredType {
  eventType: string;
  name: string;
  description?: string;
  defaultWay: "push" | "inbox";
}

/** What an integrator declares of its event types, and how often that changed. */
export interface IntegratorTypes {
  integrator: string;
  name: string;
  eventPrefix: string;
  types: DeclaredType[];
  version: number;
}

export const MOST_TYPES = 100;

/** The event types that integrators declare; empty until they are loaded. */
export const declaredTypes = signal<IntegratorTypes[]>([]);

let loading: Promise<void> | null = null;

/** Load the declared types once. Without them, event types are shown as they are sent. */
export function loadDeclaredTypes(): Promise<void> {
  loading ??= data<IntegratorTypes[]>("GET", "api/v2/event-types").then(
    (found) => void (declaredTypes.value = found),
    () => void (loading = null),
  );
  return loading;
}

/** Return the name of an event type: that of the longest declared one that stands for it, or null if none does. */
export function typeName(eventType: string): string | null {
  let found: DeclaredType | null = null;
  for (const { types } of declaredTypes.value)
    for (const each of types)
      if (`${eventType}.`.startsWith(`${each.eventType}.`) && each.eventType.length > (found?.eventType.length ?? 0))
        found = each;
  return found?.name ?? null;
}

/** Replace what an integrator declares. Errors are thrown. */
export async function saveDeclaredTypes({ integrator, types, version }: IntegratorTypes): Promise<void> {
  await data("PUT", `api/v2/operate/integrators/${encodeURIComponent(integrator)}/event-types`, { types, version });
  loading = null;
  await loadDeclaredTypes();
}
