import { t } from "../lib/i18n";
import type { KeptInbox, KeptItem } from "../lib/kept";
import { go, href, route } from "../lib/router";
import { weekdayTime } from "../lib/time";
import { Icon } from "../ui/icons";
import { EmptyState, IconButton, NarrowTitle, useHealing } from "../ui/parts";
import { DeliveryContent } from "./delivery";
import { ItemContent } from "./inbox-list";
import { focusRow } from "./inbox-place";

interface Props {
  inbox: KeptInbox;
  error: unknown;
  onRetry: () => void;
}

/** The newest notifications, as an installed console has kept them, while the desk can't be reached. Nothing can be changed. */
export function Offline({ inbox, error, onRetry }: Props) {
  useHealing(error, onRetry);
  const { page, id } = route.value;
  const chosen = page === "inbox" && id ? inbox.items.find((each) => each.deliveryId === id) : undefined;
  const close = () => {
    go(href("inbox"), { replace: true });
    if (id) focusRow(id);
  };
  return (
    <main
      class="offline"
      onKeyDown={(event) => {
        if (event.key === "Escape" && chosen) close();
      }}
    >
      <p class="note offline-note" role="status">
        <Icon name="warn" size={16} />
        <span class="grow">
          {t("offline.since", { time: weekdayTime(new Date(inbox.at).toISOString()) })}{" "}
          {t("offline.kept", { n: inbox.items.length })}
        </span>
        <button type="button" class="button button-small" onClick={onRetry}>
          {t("retry")}
        </button>
      </p>
      <section class={`split ${chosen ? "split-open" : ""}`} aria-label={t("page.inbox")}>
        <div class="split-list">
          <header class="head">
            <h1>{t("page.inbox")}</h1>
          </header>
          <div class="list">
            <div class="scroll">
              {inbox.items.length === 0 && <EmptyState icon="inbox" text={t("inbox.empty")} />}
              <ul class="items" aria-label={t("page.inbox")}>
                {inbox.items.map((each) => (
                  <li key={each.deliveryId}>
                    <Row item={each} isChosen={each === chosen} />
                  </li>
                ))}
              </ul>
            </div>
          </div>
        </div>
        <div class="split-detail">
          {chosen ? (
            <article class="detail" key={chosen.deliveryId}>
              <NarrowTitle text={t("page.inbox")} />
              <div class="detail-tools">
                <IconButton icon="back" label={t("back")} onClick={close} />
              </div>
              <div class="detail-scroll" tabIndex={0} role="region" aria-label={t("inbox.reading")}>
                <DeliveryContent delivery={{ eventId: "", ...chosen, actions: chosen.actions ?? [], supplements: chosen.supplements ?? [] }} preview />
                {!chosen.actions && <p class="note">{t("offline.notRead")}</p>}
              </div>
            </article>
          ) : (
            <EmptyState icon="mailOpen" text={t("inbox.select")} />
          )}
        </div>
      </section>
    </main>
  );
}

function Row({ item, isChosen }: { item: KeptItem; isChosen: boolean }) {
  return (
    <div class="item-row">
      <a
        id={`item-${item.deliveryId}`}
        class={`item ${item.readAt ? "" : "item-unread"}`}
        href={href("inbox", item.deliveryId)}
        aria-current={isChosen ? "true" : undefined}
      >
        <ItemContent item={item} />
      </a>
    </div>
  );
}
