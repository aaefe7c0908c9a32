import { useSignal } from "@preact/signals";
import { data, query } from "../lib/api";
import { valueLabel, t } from "../lib/i18n";
import { Icon } from "../ui/icons";
import { Chip, EmptyState, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { Loaded } from "../ui/loaded";
import { showError, showToast } from "../ui/toasts";
import { Endpoints } from "./admin-endpoints";

interface DeadLetter {
  messageId: string;
  received: number;
  sentAt: string;
  reason: string | null;
  failedAt: string | null;
  job: Record<string, unknown>;
}

interface Callback {
  actionId: string;
  deliveryId: string;
  index: number;
  /** Null for clicks of older versions. */
  label: string | null;
  eventType: string | null;
  clickedAt: string;
  outcome: "pending" | "delivered" | "failed" | "gone";
  nextAttemptAt: string | null;
  attempts: Array<{ at: string; status: number | null; error: string | null; nextAttemptAt: string | null }>;
}

const PATH = "api/v2/operate/dead-letters";

export function FailedMessages() {
  const open = useSignal<string | null>(null);
  const resource = useResource(() => data<Array<{ queue: string; count: number }>>("GET", PATH));
  return (
    <Loaded resource={resource}>
      {(rows) => (
        <>
          {rows.every((each) => each.count === 0) && (
            <p class="note note-success">
              <Icon name="success" size={16} /> {t("admin.noLetters")}
            </p>
          )}
          <ul class="rows">
            {rows.map(({ queue, count }) => (
              <li class="row-card" key={queue}>
                <div class="row-main">
                  <b>{queue}</b>
                </div>
                <Chip kind={count ? "chip-critical" : "chip-success"}>{t("admin.letterCount", { n: count })}</Chip>
                {count > 0 && (
                  <button
                    type="button"
                    class="button"
                    aria-expanded={open.value === queue}
                    onClick={() => (open.value = open.value === queue ? null : queue)}
                  >
                    {t("admin.view")}
                  </button>
                )}
                {open.value === queue && (
                  <QueueMessages
                    queue={queue}
                    onChanged={() => {
                      open.value = null;
                      void resource.reload();
                    }}
                  />
                )}
              </li>
            ))}
          </ul>
        </>
      )}
    </Loaded>
  );
}

function QueueMessages({ queue, onChanged }: { queue: string; onChanged: () => void }) {
  const resource = useResource(() => data<DeadLetter[]>("GET", `${PATH}/${queue}`));
  const redrive = async (selection: { all: true } | { messageIds: string[] }) => {
    try {
      const { sent } = await data<{ sent: number }>("POST", `${PATH}/${queue}/redrive`, selection);
      showToast(t("admin.retried", { n: sent }));
      onChanged();
    } catch (error) {
      showError(error);
    }
  };
  return (
    <div class="failed-messages">
      <Loaded resource={resource}>
        {(rows) => (
          <>
            <div class="row row-end">
              <button type="button" class="button button-primary" onClick={() => void redrive({ all: true })}>
                <Icon name="refresh" size={16} /> {t("admin.retryAll")}
              </button>
            </div>
            {rows.map((each) => (
              <div class="failed-message" key={each.messageId}>
                <div class="row-main">
                  <p>{each.reason ?? t("admin.noReason")}</p>
                  <p class="faint">
                    <Time at={each.sentAt} /> · {t("admin.received", { n: each.received })}
                  </p>
                  <p class="faint mono">{JSON.stringify(each.job)}</p>
                </div>
                <button type="button" class="button" onClick={() => void redrive({ messageIds: [each.messageId] })}>
                  {t("admin.retry")}
                </button>
              </div>
            ))}
          </>
        )}
      </Loaded>
    </div>
  );
}

export function Callbacks() {
  return (
    <>
      <Endpoints />
      <h2>{t("admin.callbacks")}</h2>
      <CallbackList />
    </>
  );
}

function CallbackList() {
  const resource = useResource(() => data<Callback[]>("GET", query("api/v2/operate/callbacks", { limit: 100 })));
  return (
    <Loaded resource={resource}>
      {(rows) =>
        rows.length === 0 ? (
          <EmptyState icon="send" text={t("admin.noCallbacks")} />
        ) : (
          <ul class="rows">
            {rows.map((each) => (
              <li key={each.actionId}>
                <details class="row-card">
                  <summary>
                    <span class="row-main">
                      <b dir="auto">{each.label ?? t("admin.action", { n: each.index + 1 })}</b>
                      {each.eventType && <span class="mono">{each.eventType}</span>}
                      <span class="faint">
                        <span class="mono">{each.deliveryId}</span> · <Time at={each.clickedAt} />
                      </span>
                    </span>
                    <Chip
                      kind={
                        { delivered: "chip-success", pending: "chip-warn", failed: "chip-critical", gone: "" }[
                          each.outcome
                        ]
                      }
                    >
                      {valueLabel("outcome", each.outcome)} · {t("inbox.attempts", { n: each.attempts.length })}
                    </Chip>
                  </summary>
                  <ol class="attempt-list">
                    {each.attempts.map((attempt) => (
                      <li key={attempt.at}>
                        <Time at={attempt.at} />: {attempt.status ?? t("inbox.noResponse")} {attempt.error}
                      </li>
                    ))}
                    {each.nextAttemptAt && (
                      <li>
                        {t("inbox.nextAttempt")} <Time at={each.nextAttemptAt} />
                      </li>
                    )}
                  </ol>
                </details>
              </li>
            ))}
          </ul>
        )
      }
    </Loaded>
  );
}
