import { t } from "../lib/i18n";
import { cursor } from "../lib/inbox";
import { clearSelection, selectAllMatching, selection } from "../lib/selection";
import { IconButton } from "../ui/parts";

interface Props {
  order: readonly string[];
  isArchive: boolean;
  onArchive: () => void;
  onToggleRead: () => void;
  onSnooze: () => void;
  onResolve: () => void;
}

/** What can be done with everything that is selected. */
export function SelectionBar({ order, isArchive, onArchive, onToggleRead, onSnooze, onResolve }: Props) {
  const { ids, isAll } = selection.value;
  if (!ids.size) return null;
  const canSelectAll = !isAll && cursor.value !== null && ids.size >= order.length;
  return (
    <div class="selection-bar" role="toolbar" aria-label={t("select.actions")}>
      <span role="status">{isAll ? t("select.all") : t("select.count", { n: ids.size })}</span>
      {canSelectAll && (
        <button type="button" class="button button-small" aria-keyshortcuts="a" onClick={selectAllMatching}>
          {t("select.allMatching")}
        </button>
      )}
      <span class="selection-tools">
        <IconButton
          icon={isArchive ? "archive" : "unarchive"}
          label={t(isArchive ? "inbox.archive" : "inbox.unarchive")}
          shortcut="e"
          onClick={onArchive}
        />
        <IconButton icon="clock" label={t("inbox.snooze")} shortcut="s" onClick={onSnooze} />
        <IconButton icon="mailOpen" label={t("select.read")} shortcut="r" onClick={onToggleRead} />
        <IconButton icon="success" label={t("select.resolve")} shortcut="R" onClick={onResolve} />
        <IconButton icon="close" label={t("select.clear")} shortcut="Escape" onClick={clearSelection} />
      </span>
    </div>
  );
}
