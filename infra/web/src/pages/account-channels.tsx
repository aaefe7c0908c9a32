import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call } from "../lib/api";
import { t, valueLabel } from "../lib/i18n";
import { AskDialog, FormDialog } from "../ui/form";
import { Chip, Field, IconButton, Time } from "../ui/parts";
import type { Resource } from "../ui/resource";
import { Rows } from "../ui/rows";
import { SecretDialog } from "../ui/secret";
import { showToast } from "../ui/toasts";
import { Panel } from "./account-profile-fields";

export interface Channel {
  id: string;
  kind: "webhook" | "chat";
  label: string;
  service: string;
  host: string;
  state: "untested" | "active" | "paused";
  createdAt: string;
  testedAt: string | null;
  lastUsedAt: string | null;
  failingSince: string | null;
  failure: string | null;
  pausedAt: string | null;
}

const PATH = "api/v1/me/channels";
const KINDS = ["chat", "webhook"] as const;
const CHIPS = { untested: "chip-info", active: "chip-success", paused: "chip-critical" };
const MOST = 10;
const LONGEST_LABEL = 60;
const LONGEST_URL = 2_000;
// A worker sends a test message within seconds, and waits for an answer for ten.
const POLL_MS = 1_000;
const POLLS = 30;

export const loadChannels = async (): Promise<Channel[]> => (await call<{ items: Channel[] }>("GET", PATH)).items;

/** The person's own webhooks and chat services: added, tested and removed. */
export function Channels({ resource }: { resource: Resource<Channel[]> }) {
  const open = useSignal<"new" | Channel | null>(null);
  const secret = useSignal<string | null>(null);
  const state = resource.state.value;
  const isFull = state.status === "ready" && state.value.length >= MOST;
  return (
    <Panel title={t("channel.title")} note={t("channel.note")}>
      <Rows resource={resource} icon="send" emptyText={t("channel.none")}>
        {(each) => <Row of={each} resource={resource} onRemove={() => (open.value = each)} />}
      </Rows>
      <div class="row row-end">
        <button type="button" class="button button-primary" disabled={isFull} onClick={() => (open.value = "new")}>
          {t("channel.new")}
        </button>
      </div>
      {open.value === "new" && (
        <NewChannel
          onClose={() => (open.value = null)}
          onAdded={async (made) => {
            open.value = null;
            secret.value = made ?? null;
            await resource.reload();
          }}
        />
      )}
      {open.value && open.value !== "new" && (
        <RemoveDialog of={open.value} resource={resource} onClose={() => (open.value = null)} />
      )}
      {secret.value && (
        <SecretDialog
          title={t("channel.added")}
          note={t("channel.secretNote")}
          label={t("channel.secret")}
          secret={secret.value}
          onClose={() => (secret.value = null)}
        />
      )}
    </Panel>
  );
}

interface NewProps {
  onClose: () => void;
  /** Called with the secret of a webhook. */
  onAdded: (secret: string | undefined) => Promise<void>;
}

function NewChannel({ onClose, onAdded }: NewProps) {
  const kind = useSignal<Channel["kind"]>("chat");
  return (
    <FormDialog
      title={t("channel.new")}
      action={t("channel.add")}
      onClose={onClose}
      onSend={async (field) => {
        const body = { kind: kind.value, label: field("label"), url: field("url") };
        const made = await call<{ secret?: string }>("POST", PATH, body);
        await onAdded(made.secret);
      }}
    >
      <fieldset class="field">
        <legend class="field-label">{t("channel.kind")}</legend>
        {KINDS.map((each) => (
          <label class="check" key={each}>
            <input
              type="radio"
              name="kind"
              value={each}
              checked={kind.value === each}
              onChange={() => (kind.value = each)}
            />
            <span>
              {valueLabel("channelKind", each)}
              <small class="field-hint">{t(`channel.${each}Hint`)}</small>
            </span>
          </label>
        ))}
      </fieldset>
      <Field label={t("channel.label")}>
        <input name="label" required maxLength={LONGEST_LABEL} autocomplete="off" />
      </Field>
      <Field label={t("channel.url")} hint={t(`channel.${kind.value}Url`)}>
        <input name="url" required maxLength={LONGEST_URL} autocomplete="off" spellcheck={false} />
      </Field>
    </FormDialog>
  );
}

interface Props {
  of: Channel;
  resource: Resource<Channel[]>;
}

function RemoveDialog({ of: channel, resource, onClose }: Props & { onClose: () => void }) {
  return (
    <AskDialog
      title={t("channel.removeTitle", { name: channel.label })}
      text={t("channel.removeEffect")}
      action={t("channel.remove")}
      destructive
      onClose={onClose}
      onConfirm={async () => {
        await call("DELETE", `${PATH}/${channel.id}`);
        onClose();
        showToast(t("channel.removed", { name: channel.label }));
        await resource.reload();
      }}
    />
  );
}

function Row({ of: channel, resource, onRemove }: Props & { onRemove: () => void }) {
  const asked = useSignal<{ before: string | null; left: number } | null>(null);
  const waits = asked.value;
  useEffect(() => {
    if (!waits) return;
    if (channel.testedAt !== waits.before) {
      asked.value = null;
      showToast(
        channel.failure
          ? t("channel.testFailed", { name: channel.label, reason: channel.failure })
          : t("channel.testTaken", { name: channel.label }),
      );
    } else if (waits.left === 0) {
      asked.value = null;
      showToast(t("channel.testWaits"));
    } else {
      const timer = setTimeout(() => {
        void resource.reload().finally(() => (asked.value = { ...waits, left: waits.left - 1 }));
      }, POLL_MS);
      return () => clearTimeout(timer);
    }
  }, [waits, channel.testedAt]);
  const test = async () => {
    await call("POST", `${PATH}/${channel.id}/test`);
    asked.value = { before: channel.testedAt, left: POLLS };
  };
  return (
    <>
      <div class="row-main">
        <span class="row-title">
          {channel.label} <Chip kind={CHIPS[channel.state]}>{valueLabel("channelState", channel.state)}</Chip>
        </span>
        <p class="faint">
          {valueLabel("channelKind", channel.kind)} · {channel.host}
          {channel.lastUsedAt && (
            <>
              {" · "}
              {t("channel.used")} <Time at={channel.lastUsedAt} />
            </>
          )}
        </p>
        {channel.failure && (
          <p class="note note-warn">
            {t(channel.state === "paused" ? "channel.pausedNote" : "channel.failedNote", { reason: channel.failure })}{" "}
            <Time at={channel.pausedAt ?? channel.failingSince ?? channel.createdAt} />
          </p>
        )}
        {waits && <p role="status">{t("channel.testing")}</p>}
      </div>
      <button type="button" class="button" disabled={waits !== null} onClick={() => void resource.mutate(test)}>
        {t("channel.test")}
      </button>
      <IconButton icon="trash" label={t("channel.removeNamed", { name: channel.label })} onClick={onRemove} />
    </>
  );
}
