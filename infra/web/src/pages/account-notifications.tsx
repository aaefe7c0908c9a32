import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { pauses } from "../lib/channels";
import { loadDeclaredTypes, typeName } from "../lib/event-types";
import { Fragment } from "preact";
import { listText, t, valueLabel } from "../lib/i18n";
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
import { type Channel, Channels, loadChannels } from "./account-channels";
import { DigestDialog, digestText } from "./account-digest";
import { Email } from "./account-email";
import { PauseDialog, QuietDialog, RuleDialog } from "./account-notification-dialogs";
import { WAIT_KINDS, WaitsDialog, waitText } from "./account-waits";
import { Panel } from "./account-profile-fields";
import { Switch, Time } from "../ui/parts";

/** How notifications reach the signed-in person: rules, quiet hours, and a pause. */
export function Notifications() {
  const resource = useResource(loadPreferences);
  const channels = useResource(loadChannels);
  useEffect(() => void loadDeclaredTypes(), []);
  useEffect(() => {
    if (pauses.value > 0) void channels.reload();
  }, [pauses.value]);
  return (
    <Loaded resource={resource}>
      {(stored) => (
        <>
          <Pause stored={stored} resource={resource} />
          <Rules stored={stored} resource={resource} channels={channels} />
          <Quiet stored={stored} resource={resource} />
          <Email />
          <Digest stored={stored} resource={resource} />
          <Repeats stored={stored} resource={resource} />
          <Channels resource={channels} />
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

function Rules({ stored, resource, channels }: Props & { channels: Resource<Channel[]> }) {
  const state = channels.state.value;
  const known = state.status === "ready" ? state.value : null;
  const editing = useSignal<PreferenceRule | "new" | null>(null);
  const edited = editing.value === "new" ? null : editing.value;
  const without = (rules: PreferenceRule[], rule: PreferenceRule | null) =>
    rule ? rules.filter((each) => selectorOf(each) !== selectorOf(rule)) : rules;
  return (
    <Panel title={t("preferences.rules")} note={t("preferences.rulesNote")}>
      <ul class="rows">
        {stored.rules.map((each) => (
          <li class="row-card" key={selectorOf(each)}>
            <RuleText rule={each} channels={known} />
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
          channels={known}
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
  const type = eventType && (typeName(eventType) ?? eventType);
  const parts = [type ?? integrator, severity && valueLabel("severity", severity)];
  if (eventType && integrator) parts.unshift(integrator);
  return parts.filter(Boolean).join(" · ") || t("preferences.everything");
}

interface RuleTextProps {
  rule: PreferenceRule;
  /** The person's channels, or null if they are not loaded. */
  channels?: Channel[] | null;
  isRest?: boolean;
}

function RuleText({ rule, channels = null, isRest = false }: RuleTextProps) {
  const chosen = channels && rule.channels ? channels.filter(({ id }) => rule.channels!.includes(id)) : [];
  const removed = channels && rule.channels ? rule.channels.length - chosen.length : 0;
  return (
    <div class="row-main">
      <p class="row-title">
        <bdi>{isRest ? t("preferences.rest") : describe(rule)}</bdi>
      </p>
      {rule.eventType && typeName(rule.eventType) && <p class="faint mono">{rule.eventType}</p>}
      <p class="faint">
        {listText(rule.ways.filter((each) => each !== "channel" || !chosen.length).map((each) => valueLabel("way", each)))}
        {chosen.length > 0 && (
          <>
            {rule.ways.length > 1 && ", "}
            <bdi>{listText(chosen.map(({ label }) => label))}</bdi>
          </>
        )}
      </p>
      {removed > 0 && (
        <p class="note note-warn">
          {t(chosen.length ? "preferences.someRemoved" : "preferences.allRemoved", { n: removed })}
        </p>
      )}
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

function Digest({ stored, resource }: Props) {
  const isOpen = useSignal(false);
  return (
    <Panel title={t("digest.title")} note={t("digest.note")}>
      <p>{digestText(stored.digest, stored.timeZone)}</p>
      <div class="row row-end">
        <button type="button" class="button" onClick={() => (isOpen.value = true)}>
          {t("digest.change")}
        </button>
      </div>
      {isOpen.value && (
        <DigestDialog
          stored={stored}
          onClose={() => (isOpen.value = false)}
          onSave={async (digest, timeZone) => {
            await save(resource, () => ({ digest, timeZone }), t("preferences.saved"));
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

function Repeats({ stored, resource }: Props) {
  return (
    <Panel title={t("preferences.repeats")} note={t("preferences.repeatsNote")}>
      <Switch
        label={t("preferences.unreadOnRepeat")}
        hint={t("preferences.unreadOnRepeatHint")}
        on={stored.unreadOnRepeat}
        onChange={(unreadOnRepeat) =>
          void resource.mutate(() => save(resource, () => ({ unreadOnRepeat }), t("preferences.saved")))
        }
      />
    </Panel>
  );
}
