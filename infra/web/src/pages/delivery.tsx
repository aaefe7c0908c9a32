import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { fireText, lastFire } from "../lib/fires";
import { valueLabel, t } from "../lib/i18n";
import { clickAction } from "../lib/inbox";
import type { Action, Delivery } from "../lib/inbox-items";
import { href } from "../lib/router";
import { fullTime, now, weekdayTime } from "../lib/time";
import { EventTypeText } from "../ui/event-type";
import { Icon } from "../ui/icons";
import { plainStart, Markdown } from "../ui/markdown";
import { Avatar, Chip, IconButton, NarrowTitle, Skeleton, Time, ErrorState } from "../ui/parts";
import { showError, showToast } from "../ui/toasts";

interface Props {
  opened: { id: string; delivery?: Delivery; error?: unknown };
  onBack: () => void;
  onRetry: () => void;
  onArchive: () => void;
  onToggleRead: () => void;
  onSnooze: () => void;
}

export function DeliveryPane({ opened, onBack, onRetry, onArchive, onToggleRead, onSnooze }: Props) {
  const { delivery, error } = opened;
  const scroller = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!scroller.current) return;
    scroller.current.scrollTop = 0;
    // The focus goes where the eye goes, unless the user types.
    if (!document.activeElement?.matches("input, textarea, select, dialog *")) {
      scroller.current.focus({ preventScroll: true });
    }
  }, [opened.id]);
  if (error && !delivery) return <ErrorState error={error} onRetry={onRetry} />;
  const copy = () =>
    navigator.clipboard
      .writeText(new URL(href("inbox", opened.id), document.baseURI).href)
      .then(() => showToast(t("inbox.linkCopied")), showError);
  return (
    <article class="detail" aria-busy={!delivery}>
      <NarrowTitle text={t("page.inbox")} />
      <div class="detail-tools" role="toolbar" aria-label={t("inbox.actions")}>
        <span class="only-narrow">
          <IconButton icon="back" label={t("back")} onClick={onBack} />
        </span>
        <IconButton
          icon={delivery?.archivedAt ? "unarchive" : "archive"}
          label={t(delivery?.archivedAt ? "inbox.unarchive" : "inbox.archive")}
          shortcut="e"
          disabled={!delivery}
          onClick={onArchive}
        />
        <IconButton icon="clock" label={t("inbox.snooze")} shortcut="s" disabled={!delivery} onClick={onSnooze} />
        <IconButton
          icon={delivery?.readAt ? "mail" : "mailOpen"}
          label={t(delivery?.readAt ? "inbox.markUnread" : "inbox.markRead")}
          shortcut="r"
          disabled={!delivery}
          onClick={onToggleRead}
        />
        <span class="grow" />
        <IconButton icon="link" label={t("inbox.copyLink")} onClick={copy} />
      </div>
      <div class="detail-scroll" ref={scroller} tabIndex={0} role="region" aria-label={t("inbox.reading")}>
        {delivery ? <DeliveryContent delivery={delivery} /> : <Skeleton rows={3} kind="card" />}
      </div>
    </article>
  );
}

/** Whether its status at the source is what the chip of its resolution says. */
const isOver = ({ resolvedAt, externalStatus }: Delivery): boolean =>
  Boolean(resolvedAt) && ["firing", "resolved"].includes(externalStatus ?? "");

/** The whole of a delivery. As a `preview` its actions are only named. */
export function DeliveryContent({ delivery, preview = false }: { delivery: Delivery; preview?: boolean }) {
  const { locale, actor, labels = {}, supplements, actions } = delivery;
  return (
    <div class={`sheet tone-${delivery.tone ?? "none"}`}>
      <div class="chips">
        <Chip kind={`chip-${delivery.severity}`}>
          <Icon name={delivery.severity} size={14} /> {valueLabel("severity", delivery.severity)}
        </Chip>
        {delivery.tone && delivery.tone !== "neutral" && <Chip>{valueLabel("tone", delivery.tone)}</Chip>}
        {delivery.externalStatus && !isOver(delivery) && (
          <Chip>{valueLabel("external", delivery.externalStatus)}</Chip>
        )}
        {delivery.fireCount > 1 && <Chip title={fullTime(lastFire(delivery))}>{fireText(delivery)}</Chip>}
        {delivery.resolvedAt && <Chip kind="chip-success">{t("inbox.resolved")}</Chip>}
        {delivery.snoozedUntil && Date.parse(delivery.snoozedUntil) > now.value && (
          <Chip>{t("inbox.snoozedUntil", { time: weekdayTime(delivery.snoozedUntil) })}</Chip>
        )}
      </div>
      <h2 lang={locale} dir="auto">
        {delivery.title}
      </h2>
      <p class="byline">
        {actor && (
          <>
            <Avatar name={actor.name ?? actor.email} />
            <bdi title={actor.email}>{actor.name ?? actor.email}</bdi>
            <span aria-hidden="true">·</span>
          </>
        )}
        <span>{fullTime(delivery.occurredAt)}</span>
        <span class="faint">
          (<Time at={delivery.occurredAt} />)
        </span>
      </p>
      {delivery.resolvedAt && (
        <p class="note note-success">
          <Icon name="success" size={16} />
          <span>
            {t("inbox.resolved")} <Time at={delivery.resolvedAt} />
            {delivery.resolutionNote && <>: <bdi>{delivery.resolutionNote}</bdi></>}
          </span>
        </p>
      )}
      {delivery.summary && (
        <p class="lead" lang={locale} dir="auto">
          {delivery.summary}
        </p>
      )}
      {delivery.markdownBody && <Body delivery={delivery} text={delivery.markdownBody} isWhole={preview} />}
      {(actions.length > 0 || delivery.externalUrl) && (
        <div class="actions">
          {actions.map((action) =>
            preview ? (
              <Chip key={action.index} title={action.url}>
                <bdi>{action.label}</bdi>
                {action.url && ` · ${action.url}`}
              </Chip>
            ) : (
              <ActionButton key={action.index} delivery={delivery} action={action} />
            ),
          )}
          {delivery.externalUrl && (
            <a class="button" href={delivery.externalUrl} target="_blank" rel="noopener noreferrer">
              <Icon name="external" size={16} /> {t("inbox.openSource")}
            </a>
          )}
        </div>
      )}
      {Object.keys(labels).length > 0 && (
        <ul class="chips labels" aria-label={t("inbox.labels")}>
          {Object.entries(labels).map(([name, value]) => (
            <li key={name}>
              <Chip kind="chip-label">
                <b>
                  <bdi>{name}</bdi>
                </b>{" "}
                <bdi>{value}</bdi>
              </Chip>
            </li>
          ))}
        </ul>
      )}
      {supplements.length > 0 && (
        <section class="supplements">
          <h3>{t("inbox.supplements", { n: supplements.length })}</h3>
          <ol>
            {supplements.map((each) => (
              <li key={each.id}>
                <p class="faint">
                  <Time at={each.createdAt} />
                </p>
                <Markdown text={each.markdownBody} lang={locale} level={4} />
              </li>
            ))}
          </ol>
        </section>
      )}
      <dl class="facts">
        <dt>{t("inbox.type")}</dt>
        <dd>
          <EventTypeText type={delivery.eventType} />
        </dd>
        <dt>{t("inbox.event")}</dt>
        <dd class="mono">{delivery.eventId}</dd>
        {delivery.projectSlug && (
          <>
            <dt>{t("inbox.project")}</dt>
            <dd>{delivery.projectSlug}</dd>
          </>
        )}
        <dt>{t("inbox.received")}</dt>
        <dd>{fullTime(delivery.createdAt)}</dd>
      </dl>
    </div>
  );
}

function Body({ delivery, text, isWhole }: { delivery: Delivery; text: string; isWhole: boolean }) {
  const rendering = isWhole ? "expanded" : (delivery.markdownBodyRendering ?? "collapsed");
  if (rendering === "expanded") return <Markdown text={text} lang={delivery.locale} />;
  return (
    <details class="body" key={delivery.deliveryId}>
      <summary>
        <Icon name="down" size={16} />
        {rendering === "preview" ? (
          <span lang={delivery.locale} dir="auto">{plainStart(text)}</span>
        ) : (
          <>
            <Icon name="document" size={16} /> <span>{t("inbox.details")}</span>
          </>
        )}
      </summary>
      <Markdown text={text} lang={delivery.locale} />
    </details>
  );
}

function ActionButton({ delivery, action }: { delivery: Delivery; action: Action }) {
  const busy = useSignal(false);
  if (action.actionType === "url") {
    return (
      <a class="button" href={action.url} target="_blank" rel="noopener noreferrer" lang={delivery.locale}>
        <Icon name="external" size={16} /> <bdi>{action.label}</bdi>
      </a>
    );
  }
  const last = action.attempts.at(-1);
  return (
    <span class="action">
      <button
        type="button"
        class="button button-primary"
        lang={delivery.locale}
        disabled={action.outcome !== null || busy.value}
        onClick={async () => {
          busy.value = true;
          await clickAction(delivery, action);
          busy.value = false;
        }}
      >
        <bdi>{action.label}</bdi>
      </button>
      {action.outcome && (
        <span class={`outcome outcome-${action.outcome}`} role="status">
          <Icon
            name={action.outcome === "delivered" ? "check" : action.outcome === "pending" ? "clock" : "close"}
            size={14}
          />
          {valueLabel("outcome", action.outcome)}
          {action.outcome === "pending" && last?.nextAttemptAt && (
            <span class="faint">
              {t("inbox.nextAttempt")} <Time at={last.nextAttemptAt} />
            </span>
          )}
        </span>
      )}
      {action.attempts.length > 0 && action.outcome !== "delivered" && (
        <details class="attempts">
          <summary>{t("inbox.attempts", { n: action.attempts.length })}</summary>
          <ol>
            {action.attempts.map((each) => (
              <li key={each.at}>
                <Time at={each.at} />: {each.status ?? t("inbox.noResponse")} {each.error}
              </li>
            ))}
          </ol>
        </details>
      )}
    </span>
  );
}
