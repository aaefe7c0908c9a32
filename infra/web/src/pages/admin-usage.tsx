import { useSignal } from "@preact/signals";
import { data, query, serverTime } from "../lib/api";
import { language, valueLabel, t } from "../lib/i18n";
import { DailyChart } from "../ui/chart";
import { Chip, EmptyState, Field, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { Loaded } from "../ui/loaded";

interface EventTypeCount {
  eventType: string;
  lastSeenAt: string | null;
  count: number;
  daily: number[];
}

interface Usage {
  limits: { personal: number; tools: number; key: number; platform: number };
  tokens: Array<{
    kind: string;
    id: string;
    integrator: string | null;
    status: string;
    minuteLimit: number;
    minuteUsed: number;
    minuteEndsAt: string;
    dailyLimit: number | null;
    dailyLeft: number | null;
  }>;
}

interface Person {
  id: string;
  email: string;
  name: string;
}

const numbers = new Intl.NumberFormat(language);

const sum = (values: number[]): number => values.reduce((total, each) => total + each, 0);
const deliveriesText = (n: number): string => t("admin.deliveries", { n });

export function EventTypes() {
  const resource = useResource(() =>
    data<Array<{ integrator: string; eventTypes: EventTypeCount[] }>>("GET", "api/v2/operate/event-types"),
  );
  return (
    <Loaded resource={resource}>
      {(rows) =>
        rows.every((each) => each.eventTypes.length === 0) ? (
          <EmptyState icon="inbox" text={t("admin.noTypes")} />
        ) : (
          rows.map(
            ({ integrator, eventTypes }) =>
              eventTypes.length > 0 && (
                <section class="group" key={integrator}>
                  <h2>{integrator}</h2>
                  <div class="row-card">
                    <p class="row-main">
                      <b>{t("admin.total")}</b>
                      <span class="faint">{deliveriesText(sum(totals(eventTypes)))}</span>
                    </p>
                    <DailyChart
                      today={serverTime()}
                      values={totals(eventTypes)}
                      label={t("admin.sparkline", { type: integrator, n: sum(totals(eventTypes)) })}
                    />
                  </div>
                  <ul class="rows">
                    {eventTypes.map((each) => (
                      <li class="row-card" key={each.eventType}>
                        <div class="row-main">
                          <p class="mono">{each.eventType}</p>
                          <p class="faint">
                            {deliveriesText(each.count)}
                            {each.lastSeenAt && (
                              <>
                                {" · "}
                                <Time at={each.lastSeenAt} />
                              </>
                            )}
                          </p>
                        </div>
                        <DailyChart
                          today={serverTime()}
                          values={each.daily}
                          label={t("admin.sparkline", { type: each.eventType, n: each.count })}
                        />
                      </li>
                    ))}
                  </ul>
                </section>
              ),
          )
        )
      }
    </Loaded>
  );
}

/** Return the sum of each day. */
function totals(types: EventTypeCount[]): number[] {
  const days = types[0]?.daily.length ?? 0;
  return Array.from({ length: days }, (_, day) => types.reduce((sum, each) => sum + (each.daily[day] ?? 0), 0));
}

export function Budgets() {
  const ownerId = useSignal("");
  const people = useResource(() => data<Person[]>("GET", "api/v2/operate/people"));
  const resource = useResource(
    () => data<Usage>("GET", query("api/v2/operate/budgets", { userId: ownerId.value })),
    [ownerId.value],
  );
  return (
    <>
      <Loaded resource={people}>
        {(rows) => (
          <div class="row">
            <Field label={t("admin.tokensOf")}>
              <select value={ownerId.value} onChange={(event) => (ownerId.value = event.currentTarget.value)}>
                <option value="">{t("admin.allTools")}</option>
                {rows.map((each) => (
                  <option value={each.id} key={each.id}>
                    {each.name} ({each.email})
                  </option>
                ))}
              </select>
            </Field>
          </div>
        )}
      </Loaded>
      <Loaded resource={resource}>
        {({ limits, tokens }) => (
          <>
            <dl class="stats">
              {Object.entries(limits).map(([kind, units]) => (
                <div class="stat" key={kind}>
                  <dt>{valueLabel("budget", kind)}</dt>
                  <dd>
                    <b>{numbers.format(units)}</b> <span class="faint">{t("admin.unitsPerMinute")}</span>
                  </dd>
                </div>
              ))}
            </dl>
            {tokens.length === 0 && <EmptyState icon="operate" text={t("admin.noTokens")} />}
            <ul class="rows">
              {tokens.map((each) => (
                <li class="row-card" key={each.id}>
                  <div class="row-main">
                    <p>
                      <b>{each.integrator ?? valueLabel("budget", "key")}</b>{" "}
                      <Chip kind={each.status === "active" ? "chip-success" : ""}>
                        {valueLabel("token", each.status)}
                      </Chip>
                    </p>
                    <p class="faint mono">{each.id}</p>
                  </div>
                  <label class="meter">
                    <span>
                      {t("admin.minute")} {numbers.format(each.minuteUsed)} / {numbers.format(each.minuteLimit)}
                    </span>
                    <meter min={0} max={each.minuteLimit} value={each.minuteUsed} />
                  </label>
                  {each.dailyLimit !== null && (
                    <label class="meter">
                      <span>
                        {t("admin.day")} {numbers.format(each.dailyLimit - (each.dailyLeft ?? 0))} /{" "}
                        {numbers.format(each.dailyLimit)}
                      </span>
                      <meter min={0} max={each.dailyLimit} value={each.dailyLimit - (each.dailyLeft ?? 0)} />
                    </label>
                  )}
                </li>
              ))}
            </ul>
          </>
        )}
      </Loaded>
    </>
  );
}
