import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { data } from "../lib/api";
import { t } from "../lib/i18n";
import { draftKey } from "../ui/draft";
import { Field, Switch } from "../ui/parts";
import { useResource } from "../ui/resource";
import { Loaded } from "../ui/loaded";
import { TagInput } from "../ui/tags";
import { showError, showToast } from "../ui/toasts";
import { type ProfileFields, isEqual, changed, fieldError, topicText } from "../lib/profile";
import {
  TEXT_FIELDS,
  LOCAL_TIME_ZONE,
  type FormState,
  Panel,
  TextInput,
  Toggle,
  Select,
  ZoneInput,
} from "./account-profile-fields";

const PATH = "api/v2/profile";
const LIST_FIELDS = ["skills", "taskTypes", "languages", "hobbies", "superpowers"] as const;
const AGENT_RULES = ["allowAmbientOutbound", "allowBroadcasts", "autoRespondAmbient"] as const;
const TIME_ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone")];

/** The user's public profile and message settings, edited in place. */
export function Profile() {
  const resource = useResource(() => data<ProfileFields>("GET", PATH));
  return <Loaded resource={resource}>{(stored) => <ProfileForm stored={stored} />}</Loaded>;
}

const DRAFT = "profile";

/** Return the changes that were neither saved nor discarded when the user left the page. */
const keptChanges = () => JSON.parse(sessionStorage.getItem(draftKey(DRAFT)) ?? "{}") as Partial<ProfileFields>;

function ProfileForm({ stored }: { stored: ProfileFields }) {
  const saved = useSignal(stored);
  const draft = useSignal<ProfileFields>({ ...stored, ...keptChanges() });
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
      const now = await data<ProfileFields>("PATCH", PATH, changed(saved.value, sent));
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
