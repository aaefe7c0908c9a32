import type { ComponentChildren } from "preact";
import { Skeleton, ErrorState } from "./parts";
import type { Resource } from "./resource";

interface Props<T> {
  of: Resource<T>;
  children: (value: T) => ComponentChildren;
}

/** What was read, or that it is being read, or why it could not be. */
export function Loaded<T>({ of: { now, reload }, children }: Props<T>) {
  const loaded = now.value;
  if (loaded.status === "loading") return <Skeleton rows={5} />;
  if (loaded.status === "failed") return <ErrorState error={loaded.error} onRetry={() => void reload()} />;
  return <>{children(loaded.value)}</>;
}
