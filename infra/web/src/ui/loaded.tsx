import type { Signal } from "@preact/signals";
import { type ComponentChildren, createContext } from "preact";
import { useContext, useLayoutEffect } from "preact/hooks";
import { Skeleton, ErrorState } from "./parts";
import type { Resource } from "./resource";

interface Props<T> {
  resource: Resource<T>;
  children: (value: T) => ComponentChildren;
}

/** How many parts of the form around them are not loaded. It is not sent before all are. */
export const Missing = createContext<Signal<number> | null>(null);

/** Render a resource: its value, its loading state or its error. */
export function Loaded<T>({ resource: { state, reload }, children }: Props<T>) {
  const loaded = state.value;
  const missing = useContext(Missing);
  const isMissing = loaded.status !== "ready";
  useLayoutEffect(() => {
    if (!missing || !isMissing) return;
    missing.value += 1;
    return () => void (missing.value -= 1);
  }, [missing, isMissing]);
  if (loaded.status === "loading") return <Skeleton rows={5} />;
  if (loaded.status === "failed") return <ErrorState error={loaded.error} onRetry={() => void reload()} />;
  return <>{children(loaded.value)}</>;
}
