import { ApiError } from "../lib/api";
import { t, valueLabel } from "../lib/i18n";
import { SEVERITIES, type Severity } from "../lib/inbox-items";
import type { PreferenceRule, Preferences, QuietHours, Way } from "../lib/preferences";
import { snoozeChoices } from "../lib/snooze-times";
import { DeclaredTypeChoice } from "../ui/event-type";
import { FormDialog } from "../ui/form";
import { Field } from "../ui/parts";
import type { Channel } from "./account-channels";
import { LOCAL_TIME_ZONE } from "./account-profile-fields";

// The first stands for the ways that a person can choose together.
const CHOICES = ["reach", "inbox", "mute"] as const;
const TOGETHER: Way[] = ["push", "email", "digest", "channel"];

interface RuleProps {
  /** The rule to change, or null for a new one. */
  rule: PreferenceRule | null;
  /** The person's channels, or null if they are not loaded. */
  channels: Channel[] | null;
  onClose: () => void;
  onSave: (rule: PreferenceRule) => Promise<void>;
}

export function RuleDialog({ rule, channels, onClose, onSave }: RuleProps) {
  return (
    <FormDialog
      title={t(rule ? "preferences.editRule" : "preferences.newRule")}
      action={t("save")}
      draft={`preference-rule-${rule ? JSON.stringify(rule) : "new"}`}
      onClose={onClose}
      onSend={async (field, form) => {
        const chosen = field("choice");
        const ways = chosen === "reach" ? (form.getAll("way") as Way[]) : [chosen as Way];
        if (ways.length === 0) throw new ApiError(t("preferences.chooseWay"), 0);
        if (ways.includes("email") && ways.includes("digest")) throw new ApiError(t("preferences.emailOrDigest"), 0);
        const wanted: PreferenceRule = { ways };
        if (ways.includes("channel") && chosenChannels(form, rule, channels)) {
          wanted.channels = chosenChannels(form, rule, channels);
          if (wanted.channels!.length === 0) throw new ApiError(t("preferences.chooseChannel"), 0);
        }
        if (field("integrator")) wanted.integrator = field("integrator");
        if (field("eventType")) wanted.eventType = field("eventType");
        if (field("severity")) wanted.severity = field("severity") as Severity;
        await onSave(wanted);
      }}
    >
      <Field label={t("preferences.integrator")} hint={t("preferences.integratorHint")}>
        <input name="integrator" maxLength={60} defaultValue={rule?.integrator ?? ""} autocomplete="off" />
      </Field>
      <DeclaredTypeChoice />
      <Field label={t("preferences.eventType")} hint={t("preferences.eventTypeHint")}>
        <input
          name="eventType"
          maxLength={200}
          pattern="[A-Za-z0-9_\-]+(\.[A-Za-z0-9_\-]+)*"
          defaultValue={rule?.eventType ?? ""}
          autocomplete="off"
          spellcheck={false}
        />
      </Field>
      <Field label={t("preferences.severity")}>
        <select name="severity" defaultValue={rule?.severity ?? ""}>
          <option value="" selected={!rule?.severity}>
            {t("preferences.anySeverity")}
          </option>
          {SEVERITIES.map((each) => (
            <option value={each} key={each} selected={rule?.severity === each}>
              {valueLabel("severity", each)}
            </option>
          ))}
        </select>
      </Field>
      <fieldset class="field">
        <legend class="field-label">{t("preferences.way")}</legend>
        {CHOICES.map((each) => (
          <label class="check" key={each}>
            <input type="radio" name="choice" value={each} defaultChecked={each === choiceOf(rule)} required />{" "}
            <span>
              <b>{valueLabel("way", each)}</b> <span class="field-hint">{valueLabel("wayHint", each)}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <fieldset class="field">
        <legend class="field-label">{t("preferences.by")}</legend>
        {TOGETHER.map((each) => (
          <label class="check" key={each}>
            <input
              type="checkbox"
              name="way"
              value={each}
              defaultChecked={choiceOf(rule) === "reach" ? (rule?.ways ?? ["push"]).includes(each) : each === "push"}
            />{" "}
            {valueLabel("way", each)}
          </label>
        ))}
      </fieldset>
      {channels && (channels.length > 0 || rule?.channels) && <ChannelChoice rule={rule} channels={channels} />}
    </FormDialog>
  );
}

/** All of the person's channels, or only some. One that was removed is shown as long as the rule has it. */
function ChannelChoice({ rule, channels }: { rule: PreferenceRule | null; channels: Channel[] }) {
  const chosen = rule?.channels ?? [];
  const removed = chosen.filter((id) => !channels.some((each) => each.id === id));
  return (
    <fieldset class="field">
      <legend class="field-label">{t("preferences.whichChannels")}</legend>
      {(["all", "some"] as const).map((each) => (
        <label class="check" key={each}>
          <input type="radio" name="channels" value={each} defaultChecked={(each === "some") === Boolean(rule?.channels)} />{" "}
          {t(`preferences.channels.${each}`)}
        </label>
      ))}
      <div
        class="form-indent"
        onInput={(event) => {
          const some = event.currentTarget.closest("form")!.querySelector<HTMLInputElement>("[name=channels][value=some]");
          some!.checked = true;
        }}
      >
        {channels.map((each) => (
          <label class="check" key={each.id}>
            <input type="checkbox" name="channel" value={each.id} defaultChecked={chosen.includes(each.id)} />{" "}
            <span>
              <bdi>{each.label}</bdi> <span class="field-hint">{valueLabel("channelState", each.state)}</span>
            </span>
          </label>
        ))}
        {removed.length > 0 && (
          <p class="note note-warn">{t("preferences.removedDropped", { n: removed.length })}</p>
        )}
      </div>
    </fieldset>
  );
}

/** Return the channels that a rule is to name; undefined stands for all. Those that were removed are dropped. */
function chosenChannels(form: FormData, rule: PreferenceRule | null, channels: Channel[] | null): string[] | undefined {
  if (!channels) return rule?.channels;
  return form.get("channels") === "some" ? (form.getAll("channel") as string[]) : undefined;
}

const choiceOf = (rule: PreferenceRule | null): (typeof CHOICES)[number] =>
  rule?.ways.includes("inbox") ? "inbox" : rule?.ways.includes("mute") ? "mute" : "reach";

interface QuietProps {
  stored: Preferences;
  onClose: () => void;
  onSave: (hours: QuietHours, zone: string) => Promise<void>;
}

export function QuietDialog({ stored, onClose, onSave }: QuietProps) {
  const hours = stored.quietHours ?? { start: "22:00", end: "07:00", exceptCritical: true };
  return (
    <FormDialog
      title={t("preferences.quiet")}
      action={t("save")}
      draft="quiet-hours"
      onClose={onClose}
      onSend={async (field, form) => {
        if (field("start") === field("end")) throw new ApiError(t("preferences.sameTimes"), 0);
        const wanted = { start: field("start"), end: field("end"), exceptCritical: form.has("exceptCritical") };
        await onSave(wanted, field("zone"));
      }}
    >
      <div class="form-row">
        <Field label={t("preferences.from")}>
          <input type="time" name="start" required defaultValue={hours.start} />
        </Field>
        <Field label={t("preferences.to")}>
          <input type="time" name="end" required defaultValue={hours.end} />
        </Field>
      </div>
      <ZoneField stored={stored} />
      <label class="switch">
        <input type="checkbox" role="switch" name="exceptCritical" defaultChecked={hours.exceptCritical} />
        <span class="switch-text">
          <b>{t("preferences.exceptCritical")}</b>
          <small>{t("preferences.exceptCriticalHint")}</small>
        </span>
      </label>
    </FormDialog>
  );
}

/** The time zone of quiet hours and digests: that of the browser, until one of them is set. */
export function ZoneField({ stored }: { stored: Preferences }) {
  const isSet = stored.quietHours !== null || stored.rules.some((each) => each.ways.includes("digest"));
  return (
    <>
      <datalist id="notification-zones">
        {["UTC", ...Intl.supportedValuesOf("timeZone")].map((each) => (
          <option value={each} key={each} />
        ))}
      </datalist>
      <Field label={t("profile.timezone")}>
        <input
          name="zone"
          list="notification-zones"
          required
          maxLength={60}
          defaultValue={isSet || stored.timeZone !== "UTC" ? stored.timeZone : LOCAL_TIME_ZONE}
          autocomplete="off"
          spellcheck={false}
        />
      </Field>
    </>
  );
}

interface PauseProps {
  onClose: () => void;
  onSave: (until: string) => Promise<void>;
}

export function PauseDialog({ onClose, onSave }: PauseProps) {
  return (
    <FormDialog
      title={t("preferences.pause")}
      action={t("preferences.pauseAction")}
      onClose={onClose}
      onSend={async (field) => {
        const chosen = field("until") === "custom" ? new Date(field("custom")) : new Date(field("until"));
        if (Number.isNaN(chosen.getTime()) || chosen <= new Date()) throw new ApiError(t("preferences.chooseTime"), 0);
        await onSave(chosen.toISOString());
      }}
    >
      <fieldset class="field">
        <legend class="field-label">{t("preferences.until")}</legend>
        {snoozeChoices(new Date()).map(({ name, until }, position) => (
          <label class="check" key={name}>
            <input type="radio" name="until" value={until.toISOString()} defaultChecked={position === 0} />{" "}
            {t(`snooze.${name}`)}
          </label>
        ))}
        <label class="check">
          <input type="radio" name="until" value="custom" /> {t("preferences.custom")}
        </label>
      </fieldset>
      <Field label={t("preferences.customTime")}>
        <input
          type="datetime-local"
          name="custom"
          onInput={(event) => {
            const custom = event.currentTarget.form!.querySelector<HTMLInputElement>("[value=custom]");
            custom!.checked = true;
          }}
        />
      </Field>
    </FormDialog>
  );
}
