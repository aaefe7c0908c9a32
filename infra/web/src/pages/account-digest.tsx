import { useSignal } from "@preact/signals";
import { t, valueLabel } from "../lib/i18n";
import { type DigestTimes, EVERY, type Preferences, WEEKDAYS } from "../lib/preferences";
import { FormDialog } from "../ui/form";
import { Field } from "../ui/parts";
import { ZoneField } from "./account-notification-dialogs";

/** When digests are sent, as one sentence. */
export function digestText({ every, at, weekday }: DigestTimes, zone: string): string {
  return t(`digest.${every}`, { time: at, weekday: valueLabel("weekday", weekday), zone });
}

interface Props {
  stored: Preferences;
  onClose: () => void;
  onSave: (digest: DigestTimes, zone: string) => Promise<void>;
}

/** When digests are sent: every hour, or at a time of every day or of a day of the week. */
export function DigestDialog({ stored, onClose, onSave }: Props) {
  const { digest } = stored;
  const every = useSignal(digest.every);
  return (
    <FormDialog
      title={t("digest.title")}
      action={t("save")}
      draft="digest"
      onClose={onClose}
      onSend={async (field) => {
        const wanted = {
          every: field("every") as DigestTimes["every"],
          // What is not shown stays as it is.
          at: field("at") || digest.at,
          weekday: (field("weekday") || digest.weekday) as DigestTimes["weekday"],
        };
        await onSave(wanted, field("zone"));
      }}
    >
      <Field label={t("digest.every")}>
        <select
          name="every"
          onInput={(event) => (every.value = event.currentTarget.value as DigestTimes["every"])}
        >
          {EVERY.map((each) => (
            <option value={each} key={each} selected={digest.every === each}>
              {valueLabel("every", each)}
            </option>
          ))}
        </select>
      </Field>
      {every.value === "week" && (
        <Field label={t("digest.weekday")}>
          <select name="weekday">
            {WEEKDAYS.map((each) => (
              <option value={each} key={each} selected={digest.weekday === each}>
                {valueLabel("weekday", each)}
              </option>
            ))}
          </select>
        </Field>
      )}
      {every.value !== "hour" && (
        <Field label={t("digest.at")}>
          <input type="time" name="at" required defaultValue={digest.at} />
        </Field>
      )}
      <ZoneField stored={stored} />
    </FormDialog>
  );
}
