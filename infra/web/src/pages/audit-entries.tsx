import { useSignal } from "@preact/signals";
import {
  actionText,
  actorName,
  concernedName,
  detailName,
  detailValue,
  type Entry,
  isRefusal,
  shortId,
  subjectName,
} from "../lib/audit";
import { shortDeviceName } from "../lib/devices";
import { t, valueLabel } from "../lib/i18n";
import { href } from "../lib/router";
import { fullDate, fullTime, zonedTime } from "../lib/time";
import { Icon, type IconName } from "../ui/icons";
import { Avatar, Chip, EmptyState, ErrorState, Skeleton } from "../ui/parts";
import type { PagedEntries } from "../ui/pages";

interface Props {
  pages: PagedEntries<Entry>;
  emptyText: string;
  /** Whether the reader may look at people and at the entries of one. */
  isOperator?: boolean;
}

/** Audit entries by day, newest first, with a button that loads earlier ones. */
export function AuditEntries({ pages, emptyText, isOperator = false }: Props) {
  const state = pages.state.value;
  if (typeof state === "object") return <ErrorState error={state.error} onRetry={() => void pages.reload()} />;
  if (state === "loading") return <Skeleton rows={8} />;
  const [entries, hasMore] = [pages.entries.value, pages.next.value !== null];
  if (entries.length === 0 && !hasMore) return <EmptyState icon="clock" text={emptyText} />;
  return (
    <>
      {byDay(entries).map(([day, ofDay]) => (
        <section key={day} aria-label={day}>
          <h2 class="audit-day">{day}</h2>
          <ul class="audit-rows">
            {ofDay.map((each) => (
              <li key={each.id}>
                <Row entry={each} isOperator={isOperator} />
              </li>
            ))}
          </ul>
        </section>
      ))}
      <div class="end audit-end">
        {entries.length === 0 && <p class="faint">{t("audit.searching")}</p>}
        {hasMore ? (
          <button
            type="button"
            class="button"
            disabled={pages.isLoadingMore.value}
            onClick={() => void pages.loadMore()}
          >
            {t(pages.isLoadingMore.value ? "loading" : entries.length === 0 ? "audit.searchOn" : "more")}
          </button>
        ) : (
          <span class="faint">{t("endOfList")}</span>
        )}
      </div>
    </>
  );
}

function byDay(entries: Entry[]): [string, Entry[]][] {
  const days: [string, Entry[]][] = [];
  for (const each of entries) {
    const day = fullDate(each.at);
    if (days.at(-1)?.[0] === day) days.at(-1)![1].push(each);
    else days.push([day, [each]]);
  }
  return days;
}

function Row({ entry, isOperator }: { entry: Entry; isOperator: boolean }) {
  const isOpen = useSignal(false);
  const [subject, concerned] = [subjectName(entry), concernedName(entry)];
  return (
    <details class="audit-entry" onToggle={(event) => (isOpen.value = event.currentTarget.open)}>
      <summary>
        <time dateTime={entry.at}>{zonedTime(entry.at)}</time>
        <Face of={entry.actor} />
        <span class="audit-what">
          <b>
            <bdi>{actorName(entry.actor)}</bdi>
          </b>{" "}
          {entry.actor.isClaimed && (
            <>
              <Chip kind="chip-warn" title={t("audit.claimedHint")}>
                {t("audit.claimed")}
              </Chip>{" "}
            </>
          )}
          {actionText(entry.kind)}
          {subject && (
            <>
              {" · "}
              <bdi class="audit-subject">{subject}</bdi>
            </>
          )}
          {concerned && concerned !== subject && (
            <>
              {" "}
              <bdi>{t("audit.for", { name: concerned })}</bdi>
            </>
          )}
          {isRefusal(entry.kind) && (
            <>
              {" "}
              <Chip kind="chip-critical">{t("audit.refused")}</Chip>
            </>
          )}
        </span>
        <span class="audit-where">
          {entry.address && <span class="mono">{entry.address}</span>}
          {entry.actor.credential && (
            <span>
              {valueLabel("audit.credential", entry.actor.credential)}{" "}
              {entry.actor.credentialId && <span class="mono">{shortId(entry.actor.credentialId)}</span>}
            </span>
          )}
        </span>
        <Icon name="down" size={16} />
      </summary>
      {isOpen.value && <Detail entry={entry} isOperator={isOperator} />}
    </details>
  );
}

const ICONS: Record<string, IconName> = {
  integrator: "mail",
  instance: "network",
  peer: "network",
  provider: "key",
  directory: "contacts",
  command: "system",
  stranger: "warn",
};

function Face({ of: actor }: { of: Entry["actor"] }) {
  if (actor.kind === "person") return <Avatar name={actorName(actor)} />;
  return (
    <span class="avatar audit-face">
      <Icon name={ICONS[actor.kind] ?? "info"} size={16} />
    </span>
  );
}

function Detail({ entry, isOperator }: { entry: Entry; isOperator: boolean }) {
  const { actor, subject } = entry;
  const people = isOperator ? peopleOf(entry) : [];
  return (
    <div class="audit-detail">
      {Object.keys(entry.details).length > 0 && (
        <dl class="facts">
          {Object.entries(entry.details).map(([name, value]) => (
            <DetailFact key={name} name={name} value={value} />
          ))}
        </dl>
      )}
      <dl class="facts">
        <Fact name={t("audit.time")} value={`${fullTime(entry.at)} · ${entry.at}`} />
        <Fact
          name={t("audit.who")}
          value={[actor.email ?? (actor.kind === "person" ? null : valueLabel("audit.actor", actor.kind)), actor.id]}
        />
        {subject && <Fact name={t("audit.subject")} value={[valueLabel("audit.subject", subject.type), subject.id]} />}
        {subject?.personId && <Fact name={t("audit.concerns")} value={[subject.personEmail, subject.personId]} />}
        {entry.address && <Fact name={t("audit.address")} value={entry.address} />}
        {actor.credential && (
          <Fact
            name={t("audit.credential")}
            value={[valueLabel("audit.credential", actor.credential), actor.credentialId]}
          />
        )}
        {entry.requestId && <Fact name={t("audit.request")} value={entry.requestId} />}
        <Fact name={t("audit.kindName")} value={entry.kind} />
      </dl>
      {people.length > 0 && (
        <p class="audit-links">
          {people.map(({ id, name }) => (
            <a key={id} href={href("operate", null, new URLSearchParams({ tab: "audit", person: id }))}>
              {t("audit.onlyPerson", { name })}
            </a>
          ))}
          {people.filter((each) => each.isKnown).map(({ id, name }) => (
            <a key={id} href={href("operate", id)}>
              {t("audit.personPage", { name })}
            </a>
          ))}
        </p>
      )}
    </div>
  );
}

/** Who acted and whom it concerns. Somebody who was erased has no page. */
function peopleOf(entry: Entry): { id: string; name: string; isKnown: boolean }[] {
  const { actor, subject } = entry;
  const found = new Map<string, { name: string; isKnown: boolean }>();
  if (actor.kind === "person" && actor.id) found.set(actor.id, { name: actorName(actor), isKnown: Boolean(actor.name) });
  if (subject?.personId && !found.has(subject.personId)) {
    found.set(subject.personId, { name: concernedName(entry), isKnown: Boolean(subject.personName) });
  }
  return [...found].map(([id, person]) => ({ id, ...person }));
}

function Fact({ name, value }: { name: string; value: string | (string | null)[] }) {
  const parts = typeof value === "string" ? [value] : value.filter((each) => each !== null);
  return (
    <>
      <dt>{name}</dt>
      <dd>
        {parts.map((each, index) => (
          <bdi key={index}>
            {index > 0 && " · "}
            {each}
          </bdi>
        ))}
      </dd>
    </>
  );
}

/** What the entry says about the change. What was before and after is told apart by more than its color. */
function DetailFact({ name, value }: { name: string; value: string }) {
  const [before, after, ...others] = value.split(" → ");
  const device = name === "device" ? shortDeviceName(value) : "";
  return (
    <>
      <dt>{detailName(name)}</dt>
      <dd title={device ? value : undefined}>
        {before !== undefined && after !== undefined && others.length === 0 ? (
          <>
            <del>{detailValue(before)}</del> → <ins>{detailValue(after)}</ins>
          </>
        ) : (
          <bdi>{device || detailValue(value)}</bdi>
        )}
      </dd>
    </>
  );
}
