import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { data, ApiError } from "../lib/api";
import { valueLabel, t } from "../lib/i18n";
import { draftKey } from "../ui/draft";
import { Field, Switch } from "../ui/parts";
import { useResource } from "../ui/resource";
import { Loaded } from "../ui/loaded";
import { TagInput } from "../ui/tags";
import { showError, showToast } from "../ui/toasts";

interface TopicFilter {
  topic?: string;
  projectId?: string;
  teamId?: string;
}

interface Profile {
  headline: string | null;
  bio: string | null;
  currentTitle: string | null;
  currentCompany: string | null;
  industry: string | null;
  skills: string[];
  taskTypes: string[];
  languages: string[];
  hobbies: string[];
  superpowers: string[];
  timezone: string | null;
  capacity: string;
  visibility: "public" | "connections" | "private";
  relayMode: "full" | "selective" | "minimal" | "off";
  allowAmbientInbound: boolean;
  allowAmbientOutbound: boolean;
  allowBroadcasts: boolean;
  autoRespondAmbient: boolean;
  relayQuietHours: { start: string; end: string; timezone: string } | null;
  relayTopicFilters: Array<string | TopicFilter>;
}

type FieldsOfType<V> = { [K in keyof Profile]: Profile[K] extends V ? K : never }[keyof Profile];

const PATH = "api/v2/profile";
const TEXT_FIELDS = ["currentTitle", "currentCompany", "industry"] as const;
const LIST_FIELDS = ["skills", "taskTypes", "languages", "hobbies", "superpowers"] as const;
const AGENT_RULES = ["allowAmbientOutbound", "allowBroadcasts", "autoRespondAmbient"] as const;
const TIME_ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone")];
const LOCAL_TIME_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The user's public profile and message settings, edited in place. */
export function Profile() {
  const resource = useResource(() => data<Profile>("GET", PATH));
  return <Loaded resource={resource}>{(stored) => <ProfileForm stored={stored} />}</Loaded>;
}

const isEqual = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** Return the members that differ. Only these are saved, so that changes in another tab stay. */
function changed(from: Profile, to: Profile): Partial<Profile> {
  const names = Object.keys(to) as Array<keyof Profile>;
  return Object.fromEntries(names.filter((name) => !isEqual(from[name], to[name])).map((name) => [name, to[name]]));
}

/** Return the field that an error names, and its reason: `skills.0: …` belongs to `skills`. */
function fieldError(error: unknown, within: Profile): [string, string] | null {
  const [, name = "", reason = ""] = (error instanceof ApiError && /^(\w+)[\w.]*: (.+)$/s.exec(error.detail)) || [];
  return name in within ? [name, reason] : null;
}

/** The draft of the form, with access to the fields and their errors. */
interface FormState {
  draft: Signal<Profile>;
  set: <K extends keyof Profile>(name: K, value: Profile[K]) => void;
  errorOf: (name: keyof Profile) => string | undefined;
}

const DRAFT = "profile";

/** Return the changes that were neither saved nor discarded when the user left the page. */
const keptChanges = () => JSON.parse(sessionStorage.getItem(draftKey(DRAFT)) ?? "{}") as Partial<Profile>;

function ProfileForm({ stored }: { stored: Profile }) {
  const saved = useSignal(stored);
  const draft = useSignal<Profile>({ ...stored, ...keptChanges() });
  const rejected = useSignal<[string, string] | null>(null);
  const busy = useSignal(false);
  const form = useRef<HTMLFormElement>(null);
  const formState: FormState = {
    draft,
    set: (name, value) => {
      draft.value = { ...draft.value, [name]: value };
      if (rejected.value?.[0] === name) rejected.value = null;
    },
    errorOf: (name) => (rejected.value?.[0] === name ? rejected.value[1] : undefined),
  };
  useEffect(() => {
    if (rejected.value) form.current?.querySelector<HTMLElement>("[aria-invalid]")?.focus();
  }, [rejected.value]);
  const save = async () => {
    busy.value = true;
    const sent = draft.value;
    try {
      const now = await data<Profile>("PATCH", PATH, changed(saved.value, sent));
      // Keep text that was typed during the request.
      draft.value = { ...now, ...changed(sent, draft.value) };
      saved.value = now;
      rejected.value = null;
      showToast(t("profile.saved"));
    } catch (error) {
      rejected.value = fieldError(error, sent);
      if (!rejected.value) showError(error);
    }
    busy.value = false;
  };
  const isChanged = !isEqual(saved.value, draft.value);
  useEffect(() => {
    if (isChanged) sessionStorage.setItem(draftKey(DRAFT), JSON.stringify(changed(saved.value, draft.value)));
    else sessionStorage.removeItem(draftKey(DRAFT));
  }, [draft.value, saved.value]);
  return (
    <form
      class="profile"
      ref={form}
      onSubmit={(event) => {
        event.preventDefault();
        if (isChanged && !busy.value) void save();
      }}
    >
      <datalist id="zones">
        {TIME_ZONES.map((each) => (
          <option value={each} key={each} />
        ))}
      </datalist>
      <PublicProfile {...formState} />
      <UnsolicitedMessages {...formState} />
      <Panel title={t("profile.agentRules")} note={t("profile.agentRulesNote")}>
        {AGENT_RULES.map((name) => (
          <Toggle name={name} key={name} {...formState} />
        ))}
      </Panel>
      {isChanged && (
        <div class="unsaved">
          <p class="grow" role="status">
            {t("profile.unsaved")}
          </p>
          <button
            type="button"
            class="button"
            onClick={() => {
              draft.value = saved.value;
              rejected.value = null;
            }}
          >
            {t("profile.discard")}
          </button>
          <button type="submit" class="button button-primary" disabled={busy.value}>
            {t("save")}
          </button>
        </div>
      )}
    </form>
  );
}

function Panel({ title, note, children }: { title: string; note?: string; children: ComponentChildren }) {
  return (
    <section class="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {note && <p class="faint">{note}</p>}
      </header>
      {children}
    </section>
  );
}

/** The fields that other people can see. */
function PublicProfile(formState: FormState) {
  const { draft, set, errorOf } = formState;
  const { bio, capacity } = draft.value;
  return (
    <Panel title={t("profile.public")}>
      <Select
        name="visibility"
        values={["public", "connections", "private"]}
        label={t("profile.visibility")}
        {...formState}
      />
      <TextInput name="headline" hint={t("profile.headlineHint")} {...formState} />
      <div class="form-row">
        {TEXT_FIELDS.map((name) => (
          <TextInput name={name} key={name} {...formState} />
        ))}
      </div>
      <Field label={t("profile.bio")} error={errorOf("bio")}>
        <textarea
          rows={4}
          maxLength={5000}
          value={bio ?? ""}
          aria-invalid={errorOf("bio") ? true : undefined}
          onInput={(event) => set("bio", event.currentTarget.value || null)}
        />
      </Field>
      {LIST_FIELDS.map((name) => (
        <TagInput
          key={name}
          label={t(`profile.${name}`)}
          {...(name === "languages" && { hint: t("profile.languagesHint") })}
          error={errorOf(name)}
          entries={draft.value[name]}
          text={(each) => each}
          toEntry={(text) => text}
          onChange={(entries) => set(name, entries)}
        />
      ))}
      <div class="form-row">
        <Field label={t("profile.timezone")} error={errorOf("timezone")}>
          <ZoneInput
            value={draft.value.timezone ?? ""}
            error={errorOf("timezone")}
            onChange={(zone) => set("timezone", zone || null)}
          />
        </Field>
        <Field label={t("profile.capacity")} hint={t("profile.capacityHint")} error={errorOf("capacity")}>
          <input
            required
            maxLength={40}
            value={capacity}
            aria-invalid={errorOf("capacity") ? true : undefined}
            onInput={(event) => set("capacity", event.currentTarget.value)}
          />
        </Field>
      </div>
    </Panel>
  );
}

/** The settings for unsolicited messages. */
function UnsolicitedMessages(formState: FormState) {
  const { draft, set, errorOf } = formState;
  const { relayQuietHours: quiet, relayTopicFilters: filters } = draft.value;
  return (
    <Panel title={t("profile.unsolicited")} note={t("profile.unsolicitedNote")}>
      <Toggle name="allowAmbientInbound" {...formState} />
      <Select
        name="relayMode"
        values={["full", "selective", "minimal", "off"]}
        label={t("profile.relayMode")}
        {...formState}
      />
      <TagInput
        label={t("profile.relayTopicFilters")}
        hint={t("profile.relayTopicFiltersHint")}
        error={errorOf("relayTopicFilters")}
        entries={filters}
        text={topicText}
        toEntry={(text) => text}
        onChange={(entries) => set("relayTopicFilters", entries)}
      />
      <Switch
        label={t("profile.quiet")}
        hint={t("profile.quietHint")}
        on={quiet !== null}
        onChange={(on) =>
          set(
            "relayQuietHours",
            on ? { start: "20:00", end: "08:00", timezone: draft.value.timezone ?? LOCAL_TIME_ZONE } : null,
          )
        }
      />
      {quiet && (
        <div class="form-row">
          {(["start", "end"] as const).map((name) => (
            <Field label={t(`profile.${name}`)} key={name}>
              <input
                type="time"
                required
                value={quiet[name]}
                onInput={(event) => set("relayQuietHours", { ...quiet, [name]: event.currentTarget.value })}
              />
            </Field>
          ))}
          <Field label={t("profile.timezone")} error={errorOf("relayQuietHours")}>
            <ZoneInput
              required
              value={quiet.timezone}
              error={errorOf("relayQuietHours")}
              onChange={(timezone) => set("relayQuietHours", { ...quiet, timezone })}
            />
          </Field>
        </div>
      )}
    </Panel>
  );
}

/** Return the text of a topic filter. */
function topicText(entry: string | TopicFilter): string {
  return typeof entry === "string" ? entry : [entry.topic, entry.projectId, entry.teamId].filter(Boolean).join(" + ");
}

function TextInput({
  name,
  hint,
  draft,
  set,
  errorOf,
}: FormState & { name: (typeof TEXT_FIELDS)[number] | "headline"; hint?: string }) {
  return (
    <Field label={t(`profile.${name}`)} {...(hint && { hint })} error={errorOf(name)}>
      <input
        maxLength={200}
        value={draft.value[name] ?? ""}
        aria-invalid={errorOf(name) ? true : undefined}
        onInput={(event) => set(name, event.currentTarget.value || null)}
      />
    </Field>
  );
}

function Toggle({ name, draft, set }: FormState & { name: FieldsOfType<boolean> }) {
  return (
    <Switch
      label={t(`profile.${name}`)}
      hint={t(`profile.${name}Hint`)}
      on={draft.value[name]}
      onChange={(on) => set(name, on)}
    />
  );
}

interface SelectProps<K extends "visibility" | "relayMode"> extends FormState {
  name: K;
  values: Array<Profile[K]>;
  label: string;
}

function Select<K extends "visibility" | "relayMode">({ name, values, label, draft, set }: SelectProps<K>) {
  const chosen = draft.value[name];
  return (
    <Field label={label} hint={valueLabel(`${name}Hint`, chosen)}>
      <select value={chosen} onChange={(event) => set(name, event.currentTarget.value as Profile[K])}>
        {values.map((each) => (
          <option value={each} key={each}>
            {valueLabel(name, each)}
          </option>
        ))}
      </select>
    </Field>
  );
}

interface ZoneProps {
  value: string;
  error: string | undefined;
  required?: boolean;
  onChange: (zone: string) => void;
}

function ZoneInput({ value, error, required = false, onChange }: ZoneProps) {
  return (
    <input
      list="zones"
      maxLength={60}
      placeholder={LOCAL_TIME_ZONE}
      spellcheck={false}
      required={required}
      value={value}
      aria-invalid={error ? true : undefined}
      onInput={(event) => onChange(event.currentTarget.value.trim())}
    />
  );
}
