import { signal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

/** Something on its way to the `at`th place of a column; at the pointer when there is one. */
export interface Drag {
  id: string;
  column: string;
  at: number;
  pointer: { x: number; y: number; left: number; top: number; width: number } | null;
}

const FAR_ENOUGH = 6;
const LONG_ENOUGH = 280;
const EDGE = 56;

export const drag = signal<Drag | null>(null);

interface Start {
  id: string;
  element: HTMLElement;
  x: number;
  y: number;
  touch: boolean;
  timer: number;
}

/**
 * Drag elements with `data-card` between those with `data-column` that stand in `scroller`.
 *
 * A mouse begins by moving, a finger by resting, since moving it scrolls.
 */
export function useDrag(scroller: RefObject<HTMLElement | null>, dropped: (drag: Drag) => void): (event: PointerEvent) => void {
  useEffect(() => {
    let frame = 0;
    const scroll = () => {
      const pointer = drag.value?.pointer;
      const element = scroller.current;
      if (pointer && element) {
        const { left, right } = element.getBoundingClientRect();
        if (pointer.x < left + EDGE) element.scrollLeft -= 12;
        if (pointer.x > right - EDGE) element.scrollLeft += 12;
      }
      frame = requestAnimationFrame(scroll);
    };
    const move = (event: PointerEvent) => {
      if (start && !drag.value) {
        const far = Math.hypot(event.clientX - start.x, event.clientY - start.y) > FAR_ENOUGH;
        if (far && start.touch) forget();
        else if (far) begin(event.clientX, event.clientY);
      }
      if (drag.value?.pointer) follow(event.clientX, event.clientY);
    };
    const up = () => {
      const found = drag.value;
      forget();
      if (!found?.pointer) return;
      // The click that ends a drag opens nothing.
      addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => removeEventListener("click", swallow, { capture: true }));
      drag.value = null;
      dropped(found);
    };
    const cancel = () => {
      forget();
      if (drag.value?.pointer) drag.value = null;
    };
    const escape = (event: KeyboardEvent) => {
      if (event.key === "Escape") cancel();
    };
    const hold = (event: TouchEvent) => {
      if (drag.value?.pointer) event.preventDefault();
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", up);
    addEventListener("pointercancel", cancel);
    addEventListener("keydown", escape);
    addEventListener("touchmove", hold, { passive: false });
    frame = requestAnimationFrame(scroll);
    return () => {
      cancelAnimationFrame(frame);
      cancel();
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", up);
      removeEventListener("pointercancel", cancel);
      removeEventListener("keydown", escape);
      removeEventListener("touchmove", hold);
    };
  }, []);
  return take;
}

let start: Start | null = null;

function take(event: PointerEvent): void {
  const element = event.currentTarget as HTMLElement;
  const id = element.dataset.card;
  if (event.button !== 0 || !id) return;
  const touch = event.pointerType === "touch";
  const { clientX: x, clientY: y } = event;
  const timer = touch ? setTimeout(() => begin(x, y), LONG_ENOUGH) : 0;
  start = { id, element, x, y, touch, timer };
}

function forget(): void {
  if (start) clearTimeout(start.timer);
  start = null;
}

function begin(x: number, y: number): void {
  if (!start) return;
  const { left, top, width } = start.element.getBoundingClientRect();
  const column = start.element.closest<HTMLElement>("[data-column]")?.dataset.column ?? "";
  getSelection()?.removeAllRanges();
  drag.value = { id: start.id, column, at: 0, pointer: { x, y, left: start.x - left, top: start.y - top, width } };
  follow(x, y);
}

function follow(x: number, y: number): void {
  const now = drag.value;
  if (!now?.pointer) return;
  // Above and below a column is in it too.
  const column = [...document.querySelectorAll<HTMLElement>("[data-column]")].find((each) => {
    const { left, right } = each.getBoundingClientRect();
    return left <= x && x <= right;
  });
  let { column: name, at } = now;
  if (column) {
    name = column.dataset.column ?? name;
    const others = [...column.querySelectorAll<HTMLElement>("[data-card]")].filter((each) => each.dataset.card !== now.id);
    at = others.filter((each) => each.getBoundingClientRect().top + each.offsetHeight / 2 < y).length;
  }
  drag.value = { ...now, column: name, at, pointer: { ...now.pointer, x, y } };
}

function swallow(event: Event): void {
  event.stopPropagation();
  event.preventDefault();
}
