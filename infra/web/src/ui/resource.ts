import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { complain } from "./toasts";

export type Loaded<T> = { stands: "loading" } | { stands: "ready"; value: T } | { stands: "failed"; fault: unknown };

export interface Resource<T> {
  now: Signal<Loaded<T>>;
  reload: () => Promise<void>;
  /** Change what was read, and read it anew; what the change fails with is told, and nothing is read. */
  act: (change: () => Promise<unknown>) => Promise<void>;
}

/** Something that is read when the component is shown, and whenever `reload` is called or `inputs` change. */
export function useResource<T>(read: () => Promise<T>, inputs: readonly unknown[] = []): Resource<T> {
  const now = useSignal<Loaded<T>>({ stands: "loading" });
  const turn = useRef(0);
  const latest = useRef(read);
  latest.current = read;
  const reload = async () => {
    const mine = ++turn.current;
    try {
      const value = await latest.current();
      if (mine === turn.current) now.value = { stands: "ready", value };
    } catch (fault) {
      if (mine === turn.current) now.value = { stands: "failed", fault };
    }
  };
  const act = async (change: () => Promise<unknown>) => {
    try {
      await change();
    } catch (fault) {
      complain(fault);
      return;
    }
    await reload();
  };
  useEffect(() => {
    now.value = { stands: "loading" };
    void reload();
  }, inputs);
  return { now, reload, act };
}
