import { t, valueLabel } from "../lib/i18n";
import type { Waits } from "../lib/preferences";
import { FormDialog } from "../ui/form";
import { Field } from "../ui/parts";

export const WAIT_KINDS = ["email", "chat", "webhook"] as const;
const CHOICES = [0, 60, 120, 300, 600, 900];

export function waitText(seconds: number | null): string {
  if (seconds === null) return t("preferences.waitDefault");
  if (seconds === 0) return t("preferences.waitNone");
  const isWhole = seconds % 60 === 0;
  return t(isWhole ? "preferences.waitMinutes" : "preferences.waitSeconds", {
    count: String(isWhole ? seconds / 60 : seconds),
  });
}

interface Props {
  stored: Waits;
  onClose: () => void;
  onSave: (waits: Waits) => Promise<void>;
}

/** How long each kind of channel waits before it is sent a notification. */
export function WaitsDialog({ stored, onClose, onSave }: Props) {
  return (
    <FormDialog
      title={t("preferences.waits")}
      action={t("save")}
      draft="waits"
      onClose={onClose}
      onSend={async (field) => {
        const chosen = WAIT_KINDS.map((each) => [each, field(each) === "" ? null : Number(field(each))]);
        await onSave(Object.fromEntries(chosen) as unknown as Waits);
      }}
    >
      {WAIT_KINDS.map((each) => (
        <Field label={valueLabel("waitOf", each)} key={each}>
          <select name={each}>
            <option value="" selected={stored[each] === null}>
              {waitText(null)}
            </option>
            {choicesWith(stored[each]).map((seconds) => (
              <option value={String(seconds)} key={seconds} selected={stored[each] === seconds}>
                {waitText(seconds)}
              </option>
            ))}
          </select>
        </Field>
      ))}
    </FormDialog>
  );
}

/** The choices, with what is stored among them though another client has set it. */
const choicesWith = (stored: number | null): number[] =>
  [...new Set([...CHOICES, ...(stored === null ? [] : [stored])])].sort((a, b) => a - b);
