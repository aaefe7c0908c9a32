import type { ComponentChildren } from "preact";
import { Skeleton, Trouble } from "./parts";
import type { Resource } from "./resource";

interface Props<T> {
  of: Resource<T>;
  children: (value: T) => ComponentChildren;
}

/** What was read, or that it is being read, or why it could not be. */
export function Show<T>({ of: { now, reload }, children }: Props<T>) {
  const loaded = now.value;
  if (loaded.stands === "loading") return <Skeleton rows={5} />;
  if (loaded.stands === "failed") return <Trouble fault={loaded.fault} onRetry={() => void reload()} />;
  return <>{children(loaded.value)}</>;
}
