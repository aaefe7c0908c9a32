import { t } from "../lib/i18n";
import { snoozeChoices } from "../lib/snooze-times";
import { toField, weekdayTime } from "../lib/time";
import { Dialog } from "../ui/parts";

const MINUTE = 60_000;
// The desk takes a day more.
const LONGEST = 365 * 24 * 60 * MINUTE;

interface Props {
  /** Whether a snooze can be ended. */
  isSnoozed: boolean;
  onClose: () => void;
  onChoose: (until: string | null) => void;
}

export function SnoozeDialog({ isSnoozed, onClose, onChoose }: Props) {
  const choose = (until: string | null) => {
    onChoose(until);
    onClose();
  };
  const fromNow = (ms: number) => toField(new Date(Date.now() + ms).toISOString());
  return (
    <Dialog title={t("snooze.title")} onClose={onClose}>
      <div class="choices">
        {snoozeChoices(new Date()).map(({ name, until }) => (
          <button type="button" class="choice" key={name} onClick={() => choose(until.toISOString())}>
            <span>{t(`snooze.${name}`)}</span>
            <span class="faint">{weekdayTime(until.toISOString())}</span>
          </button>
        ))}
        <form
          class="choice"
          onSubmit={(event) => {
            event.preventDefault();
            const until = new FormData(event.currentTarget).get("until");
            if (until) choose(new Date(String(until)).toISOString());
          }}
        >
          <input
            type="datetime-local"
            name="until"
            required
            min={fromNow(MINUTE)}
            max={fromNow(LONGEST)}
            aria-label={t("snooze.custom")}
          />
          <button type="submit" class="button">
            {t("snooze.set")}
          </button>
        </form>
        {isSnoozed && (
          <button type="button" class="choice" onClick={() => choose(null)}>
            {t("snooze.end")}
          </button>
        )}
      </div>
    </Dialog>
  );
}
