import { useEffect } from "preact/hooks";
import { playsSound, setPlaysSound, setShowsCritical, showsCritical } from "../lib/attention";
import { t, valueLabel } from "../lib/i18n";
import { loadSubscriptions, ownId, removeBrowser, type Subscription, subscriptions } from "../lib/push";
import { Chip, Switch, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { Rows } from "../ui/rows";

/** The browsers that are sent notifications, and those that no longer are, with the reason. */
export function Browsers() {
  const resource = useResource(loadSubscriptions);
  const known = subscriptions.value;
  useEffect(() => {
    if (known) resource.state.value = { status: "ready", value: known };
  }, [known]);
  return (
    <>
      <div class="attention">
        <Switch
          label={t("attention.banner")}
          hint={t("attention.bannerHint")}
          on={showsCritical.value}
          onChange={setShowsCritical}
        />
        <Switch label={t("attention.sound")} hint={t("attention.soundHint")} on={playsSound.value} onChange={setPlaysSound} />
      </div>
      <p class="faint account-intro">{t("push.note")}</p>
      <Rows resource={resource} icon="bell" emptyText={t("push.empty")}>
        {(each) => <Row of={each} onRemove={() => void resource.mutate(() => removeBrowser(each.id))} />}
      </Rows>
    </>
  );
}

function Row({ of: each, onRemove }: { of: Subscription; onRemove: () => void }) {
  return (
    <>
      <div class="row-main">
        <span class="row-title">
          {each.host}{" "}
          <Chip kind={each.state === "active" ? "chip-success" : "chip-warn"}>
            {valueLabel("subscription", each.state)}
          </Chip>{" "}
          {each.id === ownId() && <Chip kind="chip-info">{t("push.thisBrowser")}</Chip>}
        </span>
        <p class="faint">
          {t("push.since")} <Time at={each.createdAt} />
        </p>
        {each.stoppedAt && (
          <p class="faint">
            {t(each.state === "ended" ? "push.endedNote" : "push.pausedNote", { reason: each.reason ?? "" })}{" "}
            <Time at={each.stoppedAt} />
          </p>
        )}
      </div>
      <button type="button" class="button" onClick={onRemove}>
        {t("push.remove")}
      </button>
    </>
  );
}
