import { useSignal } from "@preact/signals";
import { Fragment } from "preact";
import { t, valueLabel } from "../lib/i18n";
import {
  changePreferences,
  type Edit,
  loadPreferences,
  MOST_RULES,
  type PreferenceRule,
  type Preferences,
  selectorOf,
} from "../lib/preferences";
import { Loaded } from "../ui/loaded";
import { type Resource, useResource } from "../ui/resource";
import { showToast } from "../ui/toasts";
import { Channels } from "./account-channels";
import { PauseDialog, QuietDialog, RuleDialog } from "./account-notification-dialogs";
import { WAIT_KINDS, WaitsDialog, waitText } from "./account-waits";
import { Panel } from "./account-profile-fields";
import { Time } from "../ui/parts";

/** How notifications reach the signed-in person: rules, quiet hours, and a pause. */
export function Notifications() {
  const resource = useResource(loadPreferences);
  return (
    <Loaded resource={resource}>
      {(stored) => (
        <>
          <Pause stored={stored} resource={resource} />
          <Rules stored={stored} resource={resource} />
          <Quiet stored={stored} resource={resource} />
          <Channels />
          <Waiting stored={stored} resource={resource} />
        </>
      )}
    </Loaded>
  );
}

interface Props {
  stored: Preferences;
  resource: Resource<Preferences>;
}

/** Send a change, show the preferences that are stored then, and say what was done. Errors are thrown. */
async function save(resource: Resource<Preferences>, edit: Edit, done: string): Promise<void> {
  resource.state.value = { status: "ready", value: await changePreferences(edit) };
  showToast(done);
}

function Pause({ stored, resource }: Props) {
  const isOpen = useSignal(false);
  const until = stored.pausedUntil && new Date(stored.pausedUntil) > new Date() ? stored.pausedUntil : null;
  return (
    <Panel title={t("preferences.pause")} note={t("preferences.pauseNote")}>
      <div class="row">
        <p class="grow">
          {until ? (
            <>
              {t("preferences.resumes")} <Time at={until} />
            </>
          ) : (
            t("preferences.notPaused")
          )}
        </p>
        {until ? (
          <button
            type="button"
            class="button"
            onClick={() =>
              void resource.mutate(() => save(resource, () => ({ pausedUntil: null }), t("preferences.resumed")))
            }
          >
            {t("preferences.resume")}
          </button>
        ) : (
          <button type="button" class="button" onClick={() => (isOpen.value = true)}>
            {t("preferences.pauseAction")}
          </button>
        )}
      </div>
      {isOpen.value && (
        <PauseDialog
          onClose={() => (isOpen.value = false)}
          onSave={async (pausedUntil) => {
            await save(resource, () => ({ pausedUntil }), t("preferences.paused"));
            isOpen.value = false;
          }}
        />
      )}
    </Panel>
  );
}

function Rules({ stored, resource }: Props) {
  const editing = useSignal<PreferenceRule | "new" | null>(null);
  const edited = editing.value === "new" ? null : editing.value;
  const without = (rules: PreferenceRule[], rule: PreferenceRule | null) =>
    rule ? rules.filter((each) => selectorOf(each) !== selectorOf(rule)) : rules;
  return (
    <Panel title={t("preferences.rules")} note={t("preferences.rulesNote")}>
      <ul class="rows">
        {stored.rules.map((each) => (
          <li class="row-card" key={selectorOf(each)}>
            <RuleText rule={each} />
            <button type="button" class="button" onClick={() => (editing.value = each)}>
              {t("preferences.edit")}
            </button>
            <button
              type="button"
              class="button"
              aria-label={t("preferences.removeNamed", { rule: describe(each) })}
              onClick={() =>
                void resource.mutate(() =>
                  save(resource, ({ rules }) => ({ rules: without(rules, each) }), t("preferences.removed")),
                )
              }
            >
              {t("preferences.remove")}
            </button>
          </li>
        ))}
        {!stored.rules.some((each) => describe(each) === t("preferences.everything")) && (
          <li class="row-card">
            <RuleText rule={{ ways: ["push"] }} isRest={stored.rules.length > 0} />
          </li>
        )}
      </ul>
      <div class="row">
        <p class="grow faint">{stored.muted > 0 && t("preferences.muted", { count: String(stored.muted) })}</p>
        <button
          type="button"
          class="button button-primary"
          disabled={stored.rules.length >= MOST_RULES}
          onClick={() => (editing.value = "new")}
        >
          {t("preferences.newRule")}
        </button>
      </div>
      {editing.value && (
        <RuleDialog
          rule={edited}
          onClose={() => (editing.value = null)}
          onSave={async (rule) => {
            // A new rule about the same events takes the place of the one that is there.
            const edit = ({ rules }: { rules: PreferenceRule[] }) => ({ rules: [...without(without(rules, edited), rule), rule] });
            await save(resource, edit, t("preferences.saved"));
            editing.value = null;
          }}
        />
      )}
    </Panel>
  );
}

/** Return what a rule is about. */
function describe({ integrator, eventType, severity }: PreferenceRule): string {
  const parts = [eventType ?? integrator, severity && valueLabel("severity", severity)];
  if (eventType && integrator) parts.unshift(integrator);
  return parts.filter(Boolean).join(" · ") || t("preferences.everything");
}

function RuleText({ rule, isRest = false }: { rule: PreferenceRule; isRest?: boolean }) {
  return (
    <div class="row-main">
      <p class="row-title">
        <bdi>{isRest ? t("preferences.rest") : describe(rule)}</bdi>
      </p>
      <p class="faint">{rule.ways.map((each) => valueLabel("way", each)).join(", ")}</p>
    </div>
  );
}

function Quiet({ stored, resource }: Props) {
  const isOpen = useSignal(false);
  const quiet = stored.quietHours;
  return (
    <Panel title={t("preferences.quiet")} note={t("preferences.quietNote")}>
      <p>
          {quiet
            ? `${quiet.start}–${quiet.end}, ${stored.timeZone}. ${t(quiet.exceptCritical ? "preferences.criticalPasses" : "preferences.criticalWaits")}`
            : t("preferences.noQuiet")}
      </p>
      <div class="row row-end">
        {quiet && (
          <button
            type="button"
            class="button"
            onClick={() =>
              void resource.mutate(() => save(resource, () => ({ quietHours: null }), t("preferences.quietOff")))
            }
          >
            {t("preferences.turnOff")}
          </button>
        )}
        <button type="button" class="button" onClick={() => (isOpen.value = true)}>
          {t(quiet ? "preferences.change" : "preferences.setQuiet")}
        </button>
      </div>
      {isOpen.value && (
        <QuietDialog
          stored={stored}
          onClose={() => (isOpen.value = false)}
          onSave={async (quietHours, timeZone) => {
            await save(resource, () => ({ quietHours, timeZone }), t("preferences.saved"));
            isOpen.value = false;
          }}
        />
      )}
    </Panel>
  );
}

function Waiting({ stored, resource }: Props) {
  const isOpen = useSignal(false);
  return (
    <Panel title={t("preferences.waits")} note={t("preferences.waitsNote")}>
      <dl class="facts">
        {WAIT_KINDS.map((each) => (
          <Fragment key={each}>
            <dt>{valueLabel("waitOf", each)}</dt>
            <dd>{waitText(stored.waits[each])}</dd>
          </Fragment>
        ))}
      </dl>
      <div class="row row-end">
        <button type="button" class="button" onClick={() => (isOpen.value = true)}>
          {t("preferences.waitsChange")}
        </button>
      </div>
      {isOpen.value && (
        <WaitsDialog
          stored={stored.waits}
          onClose={() => (isOpen.value = false)}
          onSave={async (waits) => {
            await save(resource, () => ({ waits }), t("preferences.saved"));
            isOpen.value = false;
          }}
        />
      )}
    </Panel>
  );
}
