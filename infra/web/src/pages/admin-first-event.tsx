import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call, serverTime } from "../lib/api";
import { type MessageKey, t, valueLabel } from "../lib/i18n";
import { type LiveEvent, subscribe } from "../lib/live";
import { me } from "../lib/session";
import { firstEventBody, LANGUAGES, snippet, type SnippetLanguage } from "../lib/snippets";
import { Icon } from "../ui/icons";
import { Tabs, Time } from "../ui/parts";
import { CopyCode } from "../ui/secret";
import { showError } from "../ui/toasts";

interface Props {
  integrator: string;
  prefix: string;
  token: string;
}

interface Arrival {
  deliveryId: string;
  title: string;
  createdAt: string;
}

interface Row {
  deliveryId?: string;
  error?: string;
}

const MOST_ARRIVALS = 5;

/** Programs that publish with a new token, a test event, and what arrives while this is open. */
export function FirstEvent({ integrator, prefix, token }: Props) {
  const { email, urls } = me.value!;
  const first = { base: urls.base ?? document.baseURI, prefix, email };
  const language = useSignal<SnippetLanguage>("curl");
  const sending = useSignal(false);
  const sent = useSignal<Row | null>(null);
  const arrivals = useSignal<Arrival[]>([]);
  useEffect(
    () =>
      subscribe((event: LiveEvent) => {
        if (event.type !== "delivery" || !String(event.eventType).startsWith(prefix)) return;
        const { deliveryId, title, createdAt } = event as unknown as Arrival;
        arrivals.value = [{ deliveryId, title, createdAt }, ...arrivals.value].slice(0, MOST_ARRIVALS);
      }),
    [prefix],
  );
  const send = async () => {
    sending.value = true;
    sent.value = null;
    try {
      const title = t("setup.eventTitle", { integrator });
      const body = firstEventBody(first, title, new Date(serverTime()).toISOString());
      const { results } = await call<{ results: Row[] }>("POST", "api/v1/events/bulk", body, { withKey: token });
      sent.value = results[0] ?? null;
    } catch (error) {
      showError(error);
    } finally {
      sending.value = false;
    }
  };
  const isWaiting =
    sent.value?.deliveryId && !arrivals.value.some((each) => each.deliveryId === sent.value?.deliveryId);
  return (
    <section class="first-event" aria-label={t("setup.title")}>
      <h3>{t("setup.title")}</h3>
      <p class="faint">{t("setup.note", { email })}</p>
      <Tabs
        label={t("setup.languages")}
        chosen={language.value}
        onChoose={(value) => (language.value = value as SnippetLanguage)}
        choices={LANGUAGES.map((value) => ({ value, label: t(`setup.${value}` as MessageKey) }))}
      />
      <CopyCode label={t("setup.code")} text={snippet(language.value, first)}>
        <button type="button" class="button" disabled={sending.value} onClick={() => void send()}>
          <Icon name="send" size={16} /> {t(sending.value ? "setup.sending" : "setup.send")}
        </button>
      </CopyCode>
      <div role="status" class="first-event-arrivals">
        {sent.value?.error && (
          <p class="note note-warn">
            {t("setup.notDelivered", { reason: valueLabel("setup", sent.value.error) })}
          </p>
        )}
        {isWaiting && <p class="faint">{t("setup.waiting")}</p>}
        {arrivals.value.length === 0 && !sent.value && <p class="faint">{t("setup.listening", { prefix })}</p>}
        {arrivals.value.map((each) => (
          <p class="note note-success" key={each.deliveryId}>
            <Icon name="success" size={16} />
            <span dir="auto">
              {t("setup.arrived")}: {each.title}
            </span>
            <Time at={each.createdAt} />
          </p>
        ))}
      </div>
    </section>
  );
}
