import type { ComponentChildren } from "preact";
import { shortDeviceName } from "../lib/devices";
import { type MessageKey, t } from "../lib/i18n";
import { Chip, Time } from "../ui/parts";
import type { Person } from "../lib/person";

interface Listed<T> {
  rows: T[];
  empty: MessageKey;
  children: (each: T) => ComponentChildren;
}

function AccessRows<T extends { id: string }>({ rows, empty, children }: Listed<T>) {
  if (rows.length === 0) return <p class="faint">{t(empty)}</p>;
  return (
    <ul class="rows">
      {rows.map((each) => (
        <li class="row-card" key={each.id}>
          {children(each)}
        </li>
      ))}
    </ul>
  );
}

function Used({ at }: { at: string | null }) {
  if (!at) return <>{t("key.neverUsed")}</>;
  return (
    <>
      {t("session.used")} <Time at={at} />
    </>
  );
}

/** Where a person is signed in, with a button that ends each session. */
export function SessionRows({
  of: person,
  onEnd,
  onEndAll,
}: {
  of: Person;
  onEnd: (id: string) => void;
  onEndAll: () => void;
}) {
  return (
    <>
      {person.sessions.length > 1 && (
        <div class="row row-end">
          <button type="button" class="button button-danger" onClick={onEndAll}>
            {t("people.endAll")}
          </button>
        </div>
      )}
      <AccessRows rows={person.sessions} empty="people.noSessions">
        {(each) => (
          <>
            <div class="row-main">
              <p title={each.device}>
                <b>{shortDeviceName(each.device) || each.device || t("session.unknown")}</b>{" "}
                {each.isCurrent && <Chip kind="chip-info">{t("session.current")}</Chip>}
              </p>
              <p class="faint">
                {t("session.since")} <Time at={each.createdAt} />
                {each.startedFrom && ` · ${each.startedFrom}`}
                {each.lastUsedAt && (
                  <>
                    {" · "}
                    <Used at={each.lastUsedAt} />
                  </>
                )}
              </p>
            </div>
            <button type="button" class="button" onClick={() => onEnd(each.id)}>
              {t("session.end")}
            </button>
          </>
        )}
      </AccessRows>
    </>
  );
}

/** A person's API keys. */
export function KeyRows({
  of: person,
  onSwitch,
  onDelete,
}: {
  of: Person;
  onSwitch: (id: string, isActive: boolean) => void;
  onDelete: (key: Person["keys"][number]) => void;
}) {
  return (
    <AccessRows rows={person.keys} empty="people.noKeys">
      {(each) => (
        <>
          <div class="row-main">
            <p>
              <b>{each.name}</b>{" "}
              <Chip kind={each.isActive ? "chip-success" : ""}>{t(each.isActive ? "key.on" : "key.off")}</Chip>
            </p>
            <p class="faint">
              <span class="mono">{each.keyPrefix}</span> · <Used at={each.lastUsedAt} />
              {each.expiresAt && (
                <>
                  {" · "}
                  {t("key.expires")} <Time at={each.expiresAt} />
                </>
              )}
            </p>
          </div>
          <div class="task-actions">
            {(each.isActive || person.active) && (
              <button type="button" class="button" onClick={() => onSwitch(each.id, !each.isActive)}>
                {t(each.isActive ? "key.disable" : "key.enable")}
              </button>
            )}
            <button type="button" class="button button-danger" onClick={() => onDelete(each)}>
              {t("delete")}
            </button>
          </div>
        </>
      )}
    </AccessRows>
  );
}

/** A person's tokens of integrators. */
export function TokenRows({ of: person, onSwitch }: { of: Person; onSwitch: (id: string, isActive: boolean) => void }) {
  return (
    <AccessRows rows={person.personalTokens} empty="people.noTokens">
      {(each) => {
        const isActive = each.status === "active";
        return (
          <>
            <div class="row-main">
              <p>
                <b>{each.label ?? each.integrator}</b>{" "}
                <Chip kind={isActive ? "chip-success" : ""}>{t(isActive ? "key.on" : "key.off")}</Chip>
              </p>
              <p class="faint">
                {each.integrator} · <Used at={each.lastUsedAt} />
              </p>
            </div>
            {(isActive || (each.status === "disabled" && person.active)) && (
              <button type="button" class="button" onClick={() => onSwitch(each.id, !isActive)}>
                {t(isActive ? "key.disable" : "key.enable")}
              </button>
            )}
          </>
        );
      }}
    </AccessRows>
  );
}
