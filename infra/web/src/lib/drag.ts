import { signal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

/** A card being moved to index `at` of a column. `pointer` is null when the keyboard moves it. */
export interface Drag {
  id: string;
  column: string;
  at: number;
  pointer: { x: number; y: number; left: number; top: number; width: number } | null;
}

const DRAG_DISTANCE = 6;
const LONG_PRESS_MS = 280;
const SCROLL_EDGE = 56;

export const drag = signal<Drag | null>(null);

interface Press {
  id: string;
  element: HTMLElement;
  x: number;
  y: number;
  touch: boolean;
  timer: number;
}

/**
 * Drag elements with `data-card` between elements with `data-column` inside `scroller`.
 *
 * A mouse starts a drag by moving. A finger starts it by a long press, because moving scrolls.
 */
export function useDrag(
  scroller: RefObject<HTMLElement | null>,
  onDrop: (drag: Drag) => void,
): (event: PointerEvent) => void {
  useEffect(() => {
    let frame = 0;
    const scroll = () => {
      const pointer = drag.value?.pointer;
      const element = scroller.current;
      if (pointer && element) {
        const { left, right } = element.getBoundingClientRect();
        if (pointer.x < left + SCROLL_EDGE) element.scrollLeft -= 12;
        if (pointer.x > right - SCROLL_EDGE) element.scrollLeft += 12;
      }
      frame = requestAnimationFrame(scroll);
    };
    const onPointerMove = (event: PointerEvent) => {
      if (press && !drag.value) {
        const far = Math.hypot(event.clientX - press.x, event.clientY - press.y) > DRAG_DISTANCE;
        if (far && press.touch) clearPress();
        else if (far) startDrag(event.clientX, event.clientY);
      }
      if (drag.value?.pointer) updateDrag(event.clientX, event.clientY);
    };
    const onPointerUp = () => {
      const finished = drag.value;
      clearPress();
      if (!finished?.pointer) return;
      // The click that ends a drag must not open the card.
      addEventListener("click", suppressClick, { capture: true, once: true });
      setTimeout(() => removeEventListener("click", suppressClick, { capture: true }));
      drag.value = null;
      onDrop(finished);
    };
    const cancel = () => {
      clearPress();
      if (drag.value?.pointer) drag.value = null;
    };
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key === "Escape") cancel();
    };
    const preventScroll = (event: TouchEvent) => {
      if (drag.value?.pointer) event.preventDefault();
    };
    addEventListener("pointermove", onPointerMove);
    addEventListener("pointerup", onPointerUp);
    addEventListener("pointercancel", cancel);
    addEventListener("keydown", onKeyDown);
    addEventListener("touchmove", preventScroll, { passive: false });
    frame = requestAnimationFrame(scroll);
    return () => {
      cancelAnimationFrame(frame);
      cancel();
      removeEventListener("pointermove", onPointerMove);
      removeEventListener("pointerup", onPointerUp);
      removeEventListener("pointercancel", cancel);
      removeEventListener("keydown", onKeyDown);
      removeEventListener("touchmove", preventScroll);
    };
  }, []);
  return onPointerDown;
}

let press: Press | null = null;

function onPointerDown(event: PointerEvent): void {
  const element = event.currentTarget as HTMLElement;
  const id = element.dataset.card;
  if (event.button !== 0 || !id) return;
  const touch = event.pointerType === "touch";
  const { clientX: x, clientY: y } = event;
  const timer = touch ? setTimeout(() => startDrag(x, y), LONG_PRESS_MS) : 0;
  press = { id, element, x, y, touch, timer };
}

function clearPress(): void {
  if (press) clearTimeout(press.timer);
  press = null;
}

function startDrag(x: number, y: number): void {
  if (!press) return;
  const { left, top, width } = press.element.getBoundingClientRect();
  const column = press.element.closest<HTMLElement>("[data-column]")?.dataset.column ?? "";
  getSelection()?.removeAllRanges();
  drag.value = { id: press.id, column, at: 0, pointer: { x, y, left: press.x - left, top: press.y - top, width } };
  updateDrag(x, y);
}

function updateDrag(x: number, y: number): void {
  const current = drag.value;
  if (!current?.pointer) return;
  // Only the horizontal position decides the column.
  const column = [...document.querySelectorAll<HTMLElement>("[data-column]")].find((each) => {
    const { left, right } = each.getBoundingClientRect();
    return left <= x && x <= right;
  });
  let { column: name, at } = current;
  if (column) {
    name = column.dataset.column ?? name;
    const others = [...column.querySelectorAll<HTMLElement>("[data-card]")].filter(
      (each) => each.dataset.card !== current.id,
    );
    at = others.filter((each) => each.getBoundingClientRect().top + each.offsetHeight / 2 < y).length;
  }
  drag.value = { ...current, column: name, at, pointer: { ...current.pointer, x, y } };
}

function suppressClick(event: Event): void {
  event.stopPropagation();
  event.preventDefault();
}
