import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { data, ApiError } from "../lib/api";
import { valueLabel, t } from "../lib/i18n";
import { Field, Switch } from "../ui/parts";
import { useResource } from "../ui/resource";
import { Loaded } from "../ui/loaded";
import { Tags } from "../ui/tags";
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

type Names<V> = { [K in keyof Profile]: Profile[K] extends V ? K : never }[keyof Profile];

const PATH = "api/v2/profile";
const LINES = ["currentTitle", "currentCompany", "industry"] as const;
const LISTS = ["skills", "taskTypes", "languages", "hobbies", "superpowers"] as const;
const HEEDED = ["allowAmbientOutbound", "allowBroadcasts", "autoRespondAmbient"] as const;
const ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone")];
const OWN_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** What others find of the person, and what may reach them, edited in place. */
export function Profile() {
  const read = useResource(() => data<Profile>("GET", PATH));
  return <Loaded of={read}>{(stored) => <Edit stored={stored} />}</Loaded>;
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** Those members that stand otherwise now: what another tab has changed meanwhile is left alone. */
function changed(from: Profile, to: Profile): Partial<Profile> {
  const names = Object.keys(to) as Array<keyof Profile>;
  return Object.fromEntries(names.filter((name) => !same(from[name], to[name])).map((name) => [name, to[name]]));
}

/** The member that a refusal names, and what is wrong with it: `skills.0: …` is of `skills`. */
function located(error: unknown, within: Profile): [string, string] | null {
  const [, name = "", reason = ""] = (error instanceof ApiError && /^(\w+)[\w.]*: (.+)$/s.exec(error.message)) || [];
  return name in within ? [name, reason] : null;
}

/** How a member is shown and changed. */
interface Editing {
  draft: Signal<Profile>;
  set: <K extends keyof Profile>(name: K, value: Profile[K]) => void;
  wrong: (name: keyof Profile) => string | undefined;
}

function Edit({ stored }: { stored: Profile }) {
  const saved = useSignal(stored);
  const draft = useSignal(stored);
  const refused = useSignal<[string, string] | null>(null);
  const busy = useSignal(false);
  const form = useRef<HTMLFormElement>(null);
  const editing: Editing = {
    draft,
    set: (name, value) => {
      draft.value = { ...draft.value, [name]: value };
      if (refused.value?.[0] === name) refused.value = null;
    },
    wrong: (name) => (refused.value?.[0] === name ? refused.value[1] : undefined),
  };
  useEffect(() => {
    if (refused.value) form.current?.querySelector<HTMLElement>("[aria-invalid]")?.focus();
  }, [refused.value]);
  const save = async () => {
    busy.value = true;
    const sent = draft.value;
    try {
      const now = await data<Profile>("PATCH", PATH, changed(saved.value, sent));
      // What was typed while it was being saved stays.
      draft.value = { ...now, ...changed(sent, draft.value) };
      saved.value = now;
      refused.value = null;
      showToast(t("profile.saved"));
    } catch (error) {
      refused.value = located(error, sent);
      if (!refused.value) showError(error);
    }
    busy.value = false;
  };
  const unsaved = !same(saved.value, draft.value);
  return (
    <form
      class="profile"
      ref={form}
      onSubmit={(event) => {
        event.preventDefault();
        if (unsaved && !busy.value) void save();
      }}
    >
      <datalist id="zones">
        {ZONES.map((each) => (
          <option value={each} key={each} />
        ))}
      </datalist>
      <Found {...editing} />
      <Reach {...editing} />
      <Part title={t("profile.agentRules")} note={t("profile.agentRulesNote")}>
        {HEEDED.map((name) => (
          <Toggle name={name} key={name} {...editing} />
        ))}
      </Part>
      {unsaved && (
        <div class="unsaved">
          <p class="grow" role="status">
            {t("profile.unsaved")}
          </p>
          <button
            type="button"
            class="button"
            onClick={() => {
              draft.value = saved.value;
              refused.value = null;
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

function Part({ title, note, children }: { title: string; note?: string; children: ComponentChildren }) {
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

/** What others find. */
function Found(editing: Editing) {
  const { draft, set, wrong } = editing;
  const { bio, capacity } = draft.value;
  return (
    <Part title={t("profile.public")}>
      <Pick name="visibility" values={["public", "connections", "private"]} label={t("profile.visibility")} {...editing} />
      <Line name="headline" hint={t("profile.headlineHint")} {...editing} />
      <div class="form-row">
        {LINES.map((name) => (
          <Line name={name} key={name} {...editing} />
        ))}
      </div>
      <Field label={t("profile.bio")} wrong={wrong("bio")}>
        <textarea
          rows={4}
          maxLength={5000}
          value={bio ?? ""}
          aria-invalid={wrong("bio") ? true : undefined}
          onInput={(event) => set("bio", event.currentTarget.value || null)}
        />
      </Field>
      {LISTS.map((name) => (
        <Tags
          key={name}
          label={t(`profile.${name}`)}
          {...(name === "languages" && { hint: t("profile.languagesHint") })}
          wrong={wrong(name)}
          entries={draft.value[name]}
          text={(each) => each}
          make={(text) => text}
          onChange={(entries) => set(name, entries)}
        />
      ))}
      <div class="form-row">
        <Field label={t("profile.timezone")} wrong={wrong("timezone")}>
          <ZoneInput value={draft.value.timezone ?? ""} wrong={wrong("timezone")} onChange={(zone) => set("timezone", zone || null)} />
        </Field>
        <Field label={t("profile.capacity")} hint={t("profile.capacityHint")} wrong={wrong("capacity")}>
          <input
            required
            maxLength={40}
            value={capacity}
            aria-invalid={wrong("capacity") ? true : undefined}
            onInput={(event) => set("capacity", event.currentTarget.value)}
          />
        </Field>
      </div>
    </Part>
  );
}

/** What may reach the person unasked. */
function Reach(editing: Editing) {
  const { draft, set, wrong } = editing;
  const { relayQuietHours: quiet, relayTopicFilters: filters } = draft.value;
  return (
    <Part title={t("profile.unsolicited")} note={t("profile.unsolicitedNote")}>
      <Toggle name="allowAmbientInbound" {...editing} />
      <Pick name="relayMode" values={["full", "selective", "minimal", "off"]} label={t("profile.relayMode")} {...editing} />
      <Tags
        label={t("profile.relayTopicFilters")}
        hint={t("profile.relayTopicFiltersHint")}
        wrong={wrong("relayTopicFilters")}
        entries={filters}
        text={topicText}
        make={(text) => text}
        onChange={(entries) => set("relayTopicFilters", entries)}
      />
      <Switch
        label={t("profile.quiet")}
        hint={t("profile.quietHint")}
        on={quiet !== null}
        onChange={(on) =>
          set("relayQuietHours", on ? { start: "20:00", end: "08:00", timezone: draft.value.timezone ?? OWN_ZONE } : null)
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
          <Field label={t("profile.timezone")} wrong={wrong("relayQuietHours")}>
            <ZoneInput
              required
              value={quiet.timezone}
              wrong={wrong("relayQuietHours")}
              onChange={(timezone) => set("relayQuietHours", { ...quiet, timezone })}
            />
          </Field>
        </div>
      )}
    </Part>
  );
}

/** A topic, or all that something must have to be kept away. */
function topicText(entry: string | TopicFilter): string {
  return typeof entry === "string" ? entry : [entry.topic, entry.projectId, entry.teamId].filter(Boolean).join(" + ");
}

function Line({ name, hint, draft, set, wrong }: Editing & { name: (typeof LINES)[number] | "headline"; hint?: string }) {
  return (
    <Field label={t(`profile.${name}`)} {...(hint && { hint })} wrong={wrong(name)}>
      <input
        maxLength={200}
        value={draft.value[name] ?? ""}
        aria-invalid={wrong(name) ? true : undefined}
        onInput={(event) => set(name, event.currentTarget.value || null)}
      />
    </Field>
  );
}

function Toggle({ name, draft, set }: Editing & { name: Names<boolean> }) {
  return (
    <Switch label={t(`profile.${name}`)} hint={t(`profile.${name}Hint`)} on={draft.value[name]} onChange={(on) => set(name, on)} />
  );
}

interface PickProps<K extends "visibility" | "relayMode"> extends Editing {
  name: K;
  values: Array<Profile[K]>;
  label: string;
}

function Pick<K extends "visibility" | "relayMode">({ name, values, label, draft, set }: PickProps<K>) {
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
  wrong: string | undefined;
  required?: boolean;
  onChange: (zone: string) => void;
}

function ZoneInput({ value, wrong, required = false, onChange }: ZoneProps) {
  return (
    <input
      list="zones"
      maxLength={60}
      placeholder={OWN_ZONE}
      spellcheck={false}
      required={required}
      value={value}
      aria-invalid={wrong ? true : undefined}
      onInput={(event) => onChange(event.currentTarget.value.trim())}
    />
  );
}
