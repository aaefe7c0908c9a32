import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import {
  boardState,
  type Card,
  cards,
  cardsIn,
  findCard,
  handleBoardEvent,
  hiddenCards,
  loadBoard,
  moveCard,
  type Stage,
  STAGES,
} from "../lib/board";
import { drag, useDrag } from "../lib/drag";
import { valueLabel, t } from "../lib/i18n";
import { onResync, subscribe } from "../lib/live";
import { go, href, route } from "../lib/router";
import { ago } from "../lib/time";
import { Icon } from "../ui/icons";
import { Avatar, Chip, IconButton, Skeleton, ErrorState } from "../ui/parts";
import { CardDialog, NewCard } from "./card";

export function Board() {
  const scroller = useRef<HTMLDivElement>(null);
  const adding = useSignal<Stage | null>(null);
  const announcement = useSignal("");
  const { id } = route.value;
  useEffect(() => {
    void loadBoard();
    const look = () => document.visibilityState === "visible" && void loadBoard();
    document.addEventListener("visibilitychange", look);
    const stops = [subscribe(handleBoardEvent), onResync(() => void loadBoard())];
    return () => {
      document.removeEventListener("visibilitychange", look);
      for (const stop of stops) stop();
    };
  }, []);
  const drop = async (card: string, stage: Stage, at: number) => {
    const moving = moveCard(card, stage, at);
    announcement.value = t("board.moved", { stage: valueLabel("stage", stage) });
    // The card has moved to a new element.
    requestAnimationFrame(() => document.getElementById(`card-${card}`)?.focus());
    await moving;
  };
  const onPointerDown = useDrag(scroller, (end) => void drop(end.id, end.column as Stage, end.at));

  const onKeyDown = (event: KeyboardEvent, card: Card) => {
    const held = drag.value?.id === card.id && !drag.value.pointer ? drag.value : null;
    if (event.key === "Enter") {
      if (held) void drop(card.id, held.column as Stage, held.at);
      else go(href("board", card.id));
      drag.value = null;
    } else if (event.key === " ") {
      if (held) {
        drag.value = null;
        void drop(card.id, held.column as Stage, held.at);
      } else {
        const at = cardsIn(card.status).findIndex((each) => each.id === card.id);
        drag.value = { id: card.id, column: card.status, at, pointer: null };
        announcement.value = t("board.lifted", { title: card.title });
      }
    } else if (held && event.key === "Escape") {
      drag.value = null;
      announcement.value = t("board.notMoved");
    } else if (held && event.key.startsWith("Arrow")) {
      moveHeld(held.column as Stage, held.at, event.key, card.id);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const moveHeld = (stage: Stage, at: number, arrow: string, card: string) => {
    const place = STAGES.indexOf(stage) + (arrow === "ArrowRight" ? 1 : arrow === "ArrowLeft" ? -1 : 0);
    const column = STAGES[Math.max(0, Math.min(STAGES.length - 1, place))]!;
    const most = cardsIn(column).filter((each) => each.id !== card).length;
    const position = column !== stage ? 0 : at + (arrow === "ArrowDown" ? 1 : arrow === "ArrowUp" ? -1 : 0);
    const to = Math.max(0, Math.min(most, position));
    drag.value = { id: card, column, at: to, pointer: null };
    announcement.value = t("board.position", { stage: valueLabel("stage", column), at: to + 1, of: most + 1 });
    scroller.current
      ?.querySelector(`[data-column="${column}"]`)
      ?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };

  const loadState = boardState.value;
  const open = id ? findCard(id) : undefined;
  return (
    <section class="page board" aria-label={t("page.board")}>
      <header class="head">
        <h1>{t("page.board")}</h1>
        <p class="head-note" id="board-help">
          {t("board.help")}
        </p>
        <button type="button" class="button button-primary" onClick={() => (adding.value = "leads")}>
          <Icon name="plus" size={16} /> {t("board.add")}
        </button>
      </header>
      <p class="hidden" role="status" aria-live="assertive">
        {announcement.value}
      </p>
      {typeof loadState === "object" ? (
        <ErrorState error={loadState.error} onRetry={() => void loadBoard()} />
      ) : loadState === "loading" ? (
        <Skeleton rows={5} kind="card" />
      ) : (
        <div class={`columns ${drag.value?.pointer ? "columns-dragging" : ""}`} ref={scroller}>
          {STAGES.map((stage) => (
            <Column
              key={stage}
              stage={stage}
              onPointerDown={onPointerDown}
              onKeyDown={onKeyDown}
              onAdd={() => (adding.value = stage)}
            />
          ))}
        </div>
      )}
      {hiddenCards.value > 0 && <p class="faint end">{t("board.notShown", { n: hiddenCards.value })}</p>}
      <DragPreview />
      {open && <CardDialog key={open.id} card={open} onClose={() => go(href("board"))} />}
      {adding.value && <NewCard stage={adding.value} onClose={() => (adding.value = null)} />}
    </section>
  );
}

interface ColumnProps {
  stage: Stage;
  onPointerDown: (event: PointerEvent) => void;
  onKeyDown: (event: KeyboardEvent, card: Card) => void;
  onAdd: () => void;
}

function Column({ stage, onPointerDown, onKeyDown, onAdd }: ColumnProps) {
  const inStage = cardsIn(stage);
  const target = drag.value?.column === stage ? drag.value : null;
  const tiles = inStage.flatMap((card) => {
    const others = inStage.filter((each) => each.id !== drag.value?.id);
    const gap = target && others[target.at]?.id === card.id ? [<li class="gap" key="gap" />] : [];
    return [
      ...gap,
      <li key={card.id}>
        <CardTile card={card} onPointerDown={onPointerDown} onKeyDown={onKeyDown} />
      </li>,
    ];
  });
  const last = target && target.at >= inStage.filter((each) => each.id !== target.id).length;
  return (
    <section
      class={`column ${target ? "column-over" : ""}`}
      data-column={stage}
      aria-label={valueLabel("stage", stage)}
    >
      <header class="column-head">
        <h2>
          {valueLabel("stage", stage)} <span class="count">{inStage.length}</span>
        </h2>
        <IconButton icon="plus" label={t("board.addTo", { stage: valueLabel("stage", stage) })} onClick={onAdd} />
      </header>
      <ul>
        {tiles}
        {last && <li class="gap" key="gap" />}
        {!inStage.length && !target && <li class="column-empty">{t("board.empty")}</li>}
      </ul>
    </section>
  );
}

function CardTile({
  card,
  onPointerDown,
  onKeyDown,
}: {
  card: Card;
  onPointerDown: ColumnProps["onPointerDown"];
  onKeyDown: ColumnProps["onKeyDown"];
}) {
  const held = drag.value?.id === card.id;
  return (
    <div
      id={`card-${card.id}`}
      class={`card ${held ? "card-held" : ""}`}
      role="button"
      tabIndex={0}
      aria-roledescription={t("board.card")}
      aria-describedby="board-help"
      data-card={card.id}
      onPointerDown={onPointerDown}
      onKeyDown={(event) => onKeyDown(event, card)}
      onBlur={() => {
        if (held && !drag.value?.pointer) drag.value = null;
      }}
      onClick={() => go(href("board", card.id))}
    >
      <CardFace card={card} />
    </div>
  );
}

function CardFace({ card }: { card: Card }) {
  const done = card.checklist.filter((each) => each.completed).length;
  const late = card.dueDate && card.status !== "completed" && Date.parse(card.dueDate) < Date.now();
  return (
    <>
      <span class="card-title" dir="auto">
        {card.title}
      </span>
      <span class="card-foot">
        {card.priority !== "medium" && (
          <Chip kind={`chip-${card.priority}`}>{valueLabel("priority", card.priority)}</Chip>
        )}
        {card.dueDate && (
          <Chip kind={late ? "chip-critical" : ""}>
            <Icon name="clock" size={12} /> {ago(card.dueDate)}
          </Chip>
        )}
        {card.checklist.length > 0 && (
          <Chip title={t("board.checklist")}>
            <Icon name="check" size={12} /> {done}/{card.checklist.length}
          </Chip>
        )}
        {card.assignee === "agent" && (
          <Chip>
            <Icon name="agent" size={12} /> {t("board.agent")}
          </Chip>
        )}
        <span class="grow" />
        <span class="avatars">
          {card.contacts.slice(0, 3).map((each) => (
            <Avatar key={each.id} name={each.contact.name} />
          ))}
        </span>
      </span>
    </>
  );
}

/** The card that follows the pointer during a drag. */
function DragPreview() {
  const now = drag.value;
  const card = now?.pointer && cards.value.find((each) => each.id === now.id);
  if (!card || !now.pointer) return null;
  const { x, y, left, top, width } = now.pointer;
  return (
    <div
      class="card ghost"
      style={{ width: `${width}px`, transform: `translate(${x - left}px, ${y - top}px) rotate(1.5deg)` }}
    >
      <CardFace card={card} />
    </div>
  );
}
