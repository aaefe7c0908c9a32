import type { ComponentChildren } from "preact";
import { Skeleton, ErrorState } from "./parts";
import type { Resource } from "./resource";

interface Props<T> {
  resource: Resource<T>;
  children: (value: T) => ComponentChildren;
}

/** Render a resource: its value, its loading state or its error. */
export function Loaded<T>({ resource: { state, reload }, children }: Props<T>) {
  const loaded = state.value;
  if (loaded.status === "loading") return <Skeleton rows={5} />;
  if (loaded.status === "failed") return <ErrorState error={loaded.error} onRetry={() => void reload()} />;
  return <>{children(loaded.value)}</>;
}
