import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { showError } from "./toasts";

export type ResourceState<T> = { status: "loading" } | { status: "ready"; value: T } | { status: "failed"; error: unknown };

export interface Resource<T> {
  now: Signal<ResourceState<T>>;
  reload: () => Promise<void>;
  /** Change what was read, and read it anew; what the change fails with is told, and nothing is read. */
  act: (change: () => Promise<unknown>) => Promise<void>;
}

/** Something that is read when the component is shown, and whenever `reload` is called or `inputs` change. */
export function useResource<T>(read: () => Promise<T>, inputs: readonly unknown[] = []): Resource<T> {
  const now = useSignal<ResourceState<T>>({ status: "loading" });
  const turn = useRef(0);
  const latest = useRef(read);
  latest.current = read;
  const reload = async () => {
    const mine = ++turn.current;
    try {
      const value = await latest.current();
      if (mine === turn.current) now.value = { status: "ready", value };
    } catch (error) {
      if (mine === turn.current) now.value = { status: "failed", error };
    }
  };
  const act = async (change: () => Promise<unknown>) => {
    try {
      await change();
    } catch (error) {
      showError(error);
      return;
    }
    await reload();
  };
  useEffect(() => {
    now.value = { status: "loading" };
    void reload();
  }, inputs);
  return { now, reload, act };
}
