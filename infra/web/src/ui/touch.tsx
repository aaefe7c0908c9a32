import { type Signal, useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { t } from "../lib/i18n";
import { Icon } from "./icons";

// In pixels. A finger that moves less is a tap.
const TAP = 10;
// Where browsers begin their own gesture to go back.
const EDGE = 24;
const SWIPE = 96;
const PULL = 64;
const LONGEST_PULL = 96;

export type PullState = "idle" | "short" | "far" | "working";

interface SwipeAction {
  label: string;
  act: (id: string) => void;
}

interface Gestures {
  /** What a row's swipe to the right and to the left does. Buttons and keys do the same. */
  right: SwipeAction;
  left: SwipeAction;
  onRefresh: () => Promise<unknown>;
}

interface Touched {
  x: number;
  y: number;
  row: HTMLElement | null;
  kind: "undecided" | "swipe" | "pull" | "other";
  by: number;
}

/** Recognise swipes of the rows (`[data-row]`) in an element, and a pull of what scrolls there (`.scroll`). */
export function useTouch({ right, left, onRefresh }: Gestures) {
  const pull = useSignal<PullState>("idle");
  const distance = useSignal(0);
  const touched = useRef<Touched | null>(null);

  const decide = (at: Touched, x: number, y: number, area: HTMLElement): Touched["kind"] => {
    if (Math.abs(x) < TAP && Math.abs(y) < TAP) return "undecided";
    if (Math.abs(x) > Math.abs(y)) return at.row && at.x > EDGE ? "swipe" : "other";
    const isAtTop = [".scroll", "main"].every((each) => !(area.closest(each) ?? area.querySelector(each))?.scrollTop);
    return y > 0 && isAtTop && pull.value === "idle" ? "pull" : "other";
  };
  const end = (isDone: boolean) => {
    const at = touched.current;
    touched.current = null;
    if (at?.kind === "swipe" && at.row) {
      const { row: id } = at.row.dataset;
      slide(at.row, 0, "");
      if (isDone && id && Math.abs(at.by) >= SWIPE) (at.by > 0 ? right : left).act(id);
    } else if (at?.kind === "pull") {
      distance.value = 0;
      if (isDone && pull.value === "far") {
        pull.value = "working";
        void onRefresh().finally(() => (pull.value = "idle"));
      } else pull.value = "idle";
    }
  };
  const handlers = {
    onTouchStart: (event: TouchEvent) => {
      end(false);
      const [finger] = event.touches;
      if (!finger || event.touches.length > 1) return;
      const row = (event.target as Element).closest<HTMLElement>("[data-row]");
      touched.current = { x: finger.clientX, y: finger.clientY, row, kind: "undecided", by: 0 };
    },
    onTouchMove: (event: TouchEvent) => {
      const at = touched.current;
      const [finger] = event.touches;
      if (!at || !finger || at.kind === "other") return;
      const [x, y] = [finger.clientX - at.x, finger.clientY - at.y];
      if (at.kind === "undecided") at.kind = decide(at, x, y, event.currentTarget as HTMLElement);
      if (at.kind !== "swipe" && at.kind !== "pull") return;
      // The browser neither scrolls nor opens what is below the finger.
      if (event.cancelable) event.preventDefault();
      if (at.kind === "swipe") {
        at.by = x;
        slide(at.row!, x, (x > 0 ? right : left).label);
      } else {
        distance.value = Math.min(LONGEST_PULL, Math.max(0, y / 2));
        pull.value = distance.value >= PULL ? "far" : "short";
      }
    },
    onTouchEnd: () => end(true),
    onTouchCancel: () => end(false),
  };
  return { handlers, pull, distance };
}

/** Move a row's content aside, and show what letting go does. */
function slide(row: HTMLElement, by: number, label: string): void {
  const content = row.firstElementChild as HTMLElement;
  content.style.transform = by ? `translateX(${by}px)` : "";
  if (!by) {
    delete row.dataset.swipe;
    return;
  }
  row.dataset.swipe = label;
  row.dataset.side = by > 0 ? "right" : "left";
  row.toggleAttribute("data-armed", Math.abs(by) >= SWIPE);
}

/** Shows how far the list was pulled, and that it is being refreshed. */
export function PullIndicator({ pull, distance }: { pull: Signal<PullState>; distance: Signal<number> }) {
  const state = pull.value;
  return (
    <div class={`pull pull-${state}`} role="status" style={{ height: state === "working" ? "44px" : `${distance.value}px` }}>
      {state !== "idle" && (
        <>
          <Icon name="refresh" size={16} />
          <span>{t(`pull.${state}`)}</span>
        </>
      )}
    </div>
  );
}
