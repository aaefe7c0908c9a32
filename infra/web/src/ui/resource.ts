import { type Signal, useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { useLoading } from "./hooks";
import { showError } from "./toasts";

export type ResourceState<T> =
  { status: "loading" } | { status: "ready"; value: T } | { status: "failed"; error: unknown };

export interface Resource<T> {
  state: Signal<ResourceState<T>>;
  reload: () => Promise<void>;
  /** Run a change, then reload. If the change fails, show its error and don't reload. */
  mutate: (change: () => Promise<unknown>) => Promise<void>;
}

/** Load a value when the component mounts, when `inputs` change and when `reload` is called. */
export function useResource<T>(read: () => Promise<T>, inputs: readonly unknown[] = []): Resource<T> {
  const state = useSignal<ResourceState<T>>({ status: "loading" });
  const latestLoad = useRef(0);
  const latest = useRef(read);
  latest.current = read;
  const reload = async () => {
    const load = ++latestLoad.current;
    try {
      const value = await latest.current();
      if (load === latestLoad.current) state.value = { status: "ready", value };
    } catch (error) {
      if (load === latestLoad.current) state.value = { status: "failed", error };
    }
  };
  const mutate = async (change: () => Promise<unknown>) => {
    try {
      await change();
    } catch (error) {
      showError(error);
      return;
    }
    await reload();
  };
  useLoading(() => {
    state.value = { status: "loading" };
    void reload();
  }, inputs);
  return { state, reload, mutate };
}
