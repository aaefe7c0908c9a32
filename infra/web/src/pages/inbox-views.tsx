import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t } from "../lib/i18n";
import type { Filters } from "../lib/inbox-items";
import { go, href } from "../lib/router";
import { addView, isShown, loadViews, MOST_VIEWS, removeView, type SavedView, savedViews, viewKey, viewParams } from "../lib/saved-views";
import { useShortcuts } from "../lib/shortcuts";
import { FormDialog } from "../ui/form";
import { Icon } from "../ui/icons";
import { Field } from "../ui/parts";
import { showError } from "../ui/toasts";
import { isFiltered } from "./inbox-filters";

export const openView = (view: SavedView): void => go(href("inbox", null, viewParams(view)));

/** The saved views, each with its shortcut and its number of unread notifications, and the button that saves one. */
export function SavedViews({ filters }: { filters: Filters }) {
  const isNaming = useSignal(false);
  useEffect(() => void loadViews(), []);
  const views = savedViews.value;
  const shown = views.find((each) => isShown(each, filters));
  const open = (at: number) => {
    const view = savedViews.value[at];
    return view ? openView(view) : false;
  };
  useShortcuts(Object.fromEntries(Array.from({ length: MOST_VIEWS }, (_, at) => [`v ${viewKey(at)}`, () => open(at)])));
  const isSavable = !shown && views.length < MOST_VIEWS && (isFiltered(filters) || filters.view !== "inbox");
  if (!views.length && !isSavable) return null;
  return (
    <div class="filters" role="group" aria-label={t("views.title")}>
      {views.map((each, at) => (
        <button
          type="button"
          key={each.name}
          class="button button-small saved-view"
          aria-pressed={each === shown}
          aria-keyshortcuts={`v ${viewKey(at)}`}
          title={`${each.name} (v ${viewKey(at)})`}
          onClick={() => openView(each)}
        >
          <bdi>{each.name}</bdi>
          {each.unread > 0 && (
            <span class="count">
              {each.unread > 99 ? "99+" : each.unread}
              <span class="hidden"> {t("nav.new")}</span>
            </span>
          )}
          <kbd aria-hidden="true">v {viewKey(at)}</kbd>
        </button>
      ))}
      {isSavable && (
        <button type="button" class="button button-small" onClick={() => (isNaming.value = true)}>
          <Icon name="plus" size={14} /> {t("views.save")}
        </button>
      )}
      {shown && (
        <button
          type="button"
          class="button button-small"
          onClick={() => void removeView(shown.name).catch((error) => showError(error))}
        >
          <Icon name="trash" size={14} /> {t("views.remove", { name: shown.name })}
        </button>
      )}
      {isNaming.value && <NameDialog filters={filters} onClose={() => (isNaming.value = false)} />}
    </div>
  );
}

function NameDialog({ filters, onClose }: { filters: Filters; onClose: () => void }) {
  return (
    <FormDialog
      title={t("views.save")}
      action={t("save")}
      draft="view"
      onClose={onClose}
      onSend={async (field) => {
        await addView(field("name"), filters);
        onClose();
      }}
    >
      <Field label={t("name")} hint={t("views.nameHint")}>
        <input name="name" required pattern=".*\S.*" maxLength={60} autoFocus autocomplete="off" />
      </Field>
    </FormDialog>
  );
}
