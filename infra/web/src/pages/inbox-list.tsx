import type { RefObject } from "preact";
import { useRef } from "preact/hooks";
import { fireText, lastFire } from "../lib/fires";
import { type Entry, type Group, isGroup, keyOf, toggleCollapsed } from "../lib/groups";
import { t, valueLabel } from "../lib/i18n";
import { arrived, cursor, filters, inboxState, loadInbox, loadMoreInbox } from "../lib/inbox";
import type { Item } from "../lib/inbox-items";
import { href, route } from "../lib/router";
import { hasSelection, marked, selection, toggleSelected } from "../lib/selection";
import { ago, weekdayTime } from "../lib/time";
import { Icon } from "../ui/icons";
import { Chip, EmptyState, ErrorState, Skeleton, Time } from "../ui/parts";
import { type VirtualControl, VirtualList } from "../ui/virtual-list";

// In rem; styles/inbox.css has the same.
const ROW_HEIGHT = 5.5;
const GROUP_HEIGHT = 2.75;
const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
const heightOf = (entry: Entry) => (isGroup(entry) ? GROUP_HEIGHT : ROW_HEIGHT) * rem;

interface Props {
  entries: readonly Entry[];
  chosen: string | null;
  filtered: boolean;
  control: RefObject<VirtualControl | null>;
  /** Called with the key of the first visible row; null at the top. */
  onScroll: (first: string | null) => void;
  onSelectThrough: (id: string) => void;
}

export function InboxList({ entries, chosen, filtered, control, onScroll, onSelectThrough }: Props) {
  const element = useRef<HTMLDivElement>(null);
  const hovered = useRef(false);
  const loadState = inboxState.value;
  if (typeof loadState === "object") return <ErrorState error={loadState.error} onRetry={() => void loadInbox()} />;
  if (loadState === "loading") return <Skeleton rows={8} />;
  if (!entries.length && !cursor.value) {
    const view = filters.value.view;
    const text = filtered ? t("inbox.noMatches") : view === "inbox" ? t("inbox.empty") : t("inbox.emptyView");
    return <EmptyState icon={filtered ? "search" : "inbox"} text={text} />;
  }
  // Who looks at something here must not lose it to a new item.
  const isRead = () =>
    Boolean(chosen) || hasSelection.value || hovered.current || Boolean(element.current?.contains(document.activeElement));
  return (
    <div
      class="list"
      ref={element}
      onPointerEnter={() => (hovered.current = true)}
      onPointerLeave={() => (hovered.current = false)}
    >
      <ArrivedPill control={control} />
      <VirtualList
        label={t("page.inbox")}
        entries={entries}
        keyOf={keyOf}
        heightOf={heightOf}
        anchored={isRead}
        control={control}
        onReachEnd={() => void loadMoreInbox()}
        onScroll={(first) => {
          noteVisible(entries, first);
          onScroll(first && entries[first] ? keyOf(entries[first]) : null);
        }}
        footer={
          <div class="end">
            {cursor.value ? (
              <button type="button" class="button" disabled={loadState === "more"} onClick={() => void loadMoreInbox()}>
                {loadState === "more" ? t("loading") : t("more")}
              </button>
            ) : (
              <span class="faint">{t("endOfList")}</span>
            )}
          </div>
        }
      >
        {(entry) =>
          isGroup(entry) ? (
            <GroupHead group={entry} />
          ) : (
            <Row item={entry} chosen={entry.deliveryId === chosen} onSelectThrough={onSelectThrough} />
          )
        }
      </VirtualList>
    </div>
  );
}

/** Forget arrivals that are on the screen, or below it. */
function noteVisible(entries: readonly Entry[], first: number): void {
  if (!arrived.value.size) return;
  const above = new Set(entries.slice(0, first).map(keyOf));
  const left = [...arrived.value].filter((id) => above.has(id));
  if (left.length !== arrived.value.size) arrived.value = new Set(left);
}

/** Says how many items arrived above what is shown, and goes there. */
function ArrivedPill({ control }: Pick<Props, "control">) {
  const n = arrived.value.size;
  return (
    <div class="arrived" role="status">
      {n > 0 && (
        <button type="button" class="pill" onClick={() => control.current?.scrollTo(0)}>
          {t("inbox.arrived", { n })}
        </button>
      )}
    </div>
  );
}

function GroupHead({ group: { group, title, ids, isCollapsed } }: { group: Group }) {
  const selectedCount = ids.filter((id) => selection.value.ids.has(id)).length;
  return (
    <div class="group-head">
      <input
        type="checkbox"
        aria-label={t("select.group", { title })}
        checked={selectedCount === ids.length}
        indeterminate={selectedCount > 0 && selectedCount < ids.length}
        onChange={() => toggleSelected(ids)}
      />
      <button type="button" class="group-toggle" aria-expanded={!isCollapsed} onClick={() => toggleCollapsed(group)}>
        <Icon name="down" size={16} />
        <span class="group-title">{title}</span>
        <span class="count">{ids.length}</span>
      </button>
    </div>
  );
}

function Row({ item, chosen, onSelectThrough }: { item: Item; chosen: boolean } & Pick<Props, "onSelectThrough">) {
  const id = item.deliveryId;
  const isSelected = selection.value.isAll || selection.value.ids.has(id);
  const states = [
    item.readAt ? "" : "item-unread",
    item.resolvedAt ? "item-resolved" : "",
    isSelected ? "item-selected" : "",
    marked.value === id && hasSelection.value ? "item-marked" : "",
  ];
  return (
    <div class={`item-row ${hasSelection.value ? "item-row-selecting" : ""}`} data-row={id}>
      <a
        id={`item-${id}`}
        class={`item ${states.join(" ")}`}
        href={href("inbox", id, route.value.params)}
        aria-current={chosen ? "true" : undefined}
        onClick={(event) => {
          if (!event.shiftKey) return;
          event.preventDefault();
          getSelection()?.removeAllRanges();
          onSelectThrough(id);
        }}
      >
        <ItemContent item={item} />
      </a>
      <input
        type="checkbox"
        class="item-check"
        tabIndex={-1}
        aria-label={t("select.item", { title: item.title })}
        checked={isSelected}
        onChange={() => toggleSelected([id])}
      />
    </div>
  );
}

/** What a row says of an item. */
export function ItemContent({ item }: { item: Item }) {
  return (
    <>
      <span class={`severity severity-${item.severity} tone-${item.tone ?? "none"}`}>
        <Icon name={item.severity} size={18} label={valueLabel("severity", item.severity)} />
      </span>
      <span class="item-main">
        <span class="item-top">
          <span class="item-title" dir="auto">
            {item.title}
          </span>
          <span class="item-time">
            <Time at={item.occurredAt} />
          </span>
        </span>
        {item.summary && (
          <span class="item-summary" dir="auto">
            {item.summary}
          </span>
        )}
        <span class="item-foot">
          <span class="item-type">{item.eventType}</span>
          {item.fireCount > 1 && (
            <Chip title={fireText(item)}>
              ×{item.fireCount} · {ago(lastFire(item))}
            </Chip>
          )}
          {item.resolvedAt && <Chip kind="chip-success">{t("inbox.resolved")}</Chip>}
          {item.externalStatus && !item.resolvedAt && <Chip>{valueLabel("external", item.externalStatus)}</Chip>}
          {item.snoozedUntil && Date.parse(item.snoozedUntil) > Date.now() && (
            <Chip>
              <Icon name="clock" size={12} /> {weekdayTime(item.snoozedUntil)}
            </Chip>
          )}
        </span>
      </span>
      {!item.readAt && <span class="dot" role="img" aria-label={t("inbox.unread")} />}
    </>
  );
}
