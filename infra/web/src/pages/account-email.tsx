import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call } from "../lib/api";
import { t, valueLabel } from "../lib/i18n";
import { Loaded } from "../ui/loaded";
import { Chip, Time } from "../ui/parts";
import { type Resource, useResource } from "../ui/resource";
import { showToast } from "../ui/toasts";
import { Panel } from "./account-profile-fields";

interface OwnEmail {
  address: string;
  available: boolean;
  state: "active" | "off" | "paused";
  since: string | null;
  reason: "bounce" | "complaint" | null;
  testedAt: string | null;
  failure: string | null;
}

const PATH = "api/v1/me/email";
const CHIPS = { active: "chip-success", off: "chip-info", paused: "chip-critical" };
// A worker sends a test message within seconds, and waits for a mail server for ten.
const POLL_MS = 1_000;
const POLLS = 30;

const load = (): Promise<OwnEmail> => call<OwnEmail>("GET", PATH);

/** Where the person's e-mail goes, and whether it does: turned off and on, and tested. */
export function Email() {
  const resource = useResource(load);
  return (
    <Panel title={t("email.title")} note={t("email.note")}>
      <Loaded resource={resource}>{(email) => <Address of={email} resource={resource} />}</Loaded>
    </Panel>
  );
}

/** Return why a test message was not taken, with the code of the mail server if it gave one. */
function describe(failure: string): string {
  const [outcome = "", status] = failure.split(" ");
  return valueLabel("emailFailure", outcome) + (status ? ` (${status})` : "");
}

function Address({ of: email, resource }: { of: OwnEmail; resource: Resource<OwnEmail> }) {
  const left = useSignal<number | null>(null);
  const polls = left.value;
  useEffect(() => {
    if (polls === null) return;
    if (email.testedAt || email.failure) {
      left.value = null;
      if (!email.failure) showToast(t("email.testTaken", { address: email.address }));
    } else if (polls === 0) {
      left.value = null;
      showToast(t("email.testWaits"));
    } else {
      const timer = setTimeout(() => void resource.reload().finally(() => (left.value = polls - 1)), POLL_MS);
      return () => clearTimeout(timer);
    }
  }, [polls, email.testedAt]);
  const isOff = email.state === "off";
  const change = async () => {
    resource.state.value = { status: "ready", value: await call<OwnEmail>("PUT", PATH, { enabled: isOff }) };
    showToast(t(isOff ? "email.isOn" : "email.isOff"));
  };
  const test = async () => {
    resource.state.value = { status: "ready", value: await call<OwnEmail>("POST", `${PATH}/test`) };
    left.value = POLLS;
  };
  return (
    <>
      <div class="row">
        <div class="grow">
          <p class="row-title">
            <bdi>{email.address}</bdi>{" "}
            {email.available && <Chip kind={CHIPS[email.state]}>{valueLabel("emailState", email.state)}</Chip>}
          </p>
          {email.reason && (
            <p class="note note-warn">
              <span>
                {valueLabel("emailReason", email.reason)} {t("email.resumeNote")} {email.since && <Time at={email.since} />}
              </span>
            </p>
          )}
          {email.failure && <p class="note note-warn">{t("email.testFailed", { reason: describe(email.failure) })}</p>}
          {!email.available && <p class="note">{t("email.unavailable")}</p>}
          {polls !== null && <p role="status">{t("email.testing")}</p>}
        </div>
      </div>
      {email.available && (
        <div class="row row-end">
          <button type="button" class="button" disabled={polls !== null} onClick={() => void resource.mutate(test)}>
            {t("email.test")}
          </button>
          <button type="button" class="button" onClick={() => void resource.mutate(change)}>
            {t(isOff ? "email.turnOn" : "email.turnOff")}
          </button>
        </div>
      )}
    </>
  );
}
