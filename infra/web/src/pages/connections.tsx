import { useSignal } from "@preact/signals";
import { call, data } from "../lib/api";
import { named, t } from "../lib/i18n";
import { host } from "../lib/urls";
import { Avatar, Chip, Dialog, Empty, Field, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { Show } from "../ui/show";
import { complain, say } from "../ui/toasts";

interface Connection {
  id: string;
  status: "pending" | "active" | "blocked" | "declined" | "expired";
  askedBy: "us" | "peer";
  reason: string | null;
  peerInstanceUrl: string;
  peerInstanceName: string | null;
  peerUserEmail: string;
  peerUserName: string | null;
  signedByPeer: boolean;
  createdAt: string;
}

type Decision = "accept" | "decline" | "block";

/** The connections of who is signed in; those that others have asked for are theirs to decide. */
export function Connections() {
  const read = useResource(
    async () => (await call<{ connections: Connection[] }>("GET", "api/v2/connections?status=all")).connections,
  );
  const busy = useSignal("");
  const asking = useSignal(false);
  const decide = async (connection: Connection, action: Decision) => {
    busy.value = connection.id;
    try {
      await data("PATCH", `api/v2/connections/${connection.id}`, { action });
      await read.reload();
    } catch (fault) {
      complain(fault);
    }
    busy.value = "";
  };
  return (
    <>
      <div class="row row-end">
        <button type="button" class="button" onClick={() => (asking.value = true)}>
          {t("network.ask")}
        </button>
      </div>
      <Show of={read}>
        {(found) =>
          found.length === 0 ? (
            <Empty icon="network" text={t("network.noConnections")} />
          ) : (
            <ul class="rows">
              {found.map((each) => (
                <Row key={each.id} connection={each} busy={busy.value === each.id} onDecide={(action) => void decide(each, action)} />
              ))}
            </ul>
          )
        }
      </Show>
      {asking.value && (
        <Ask
          onClose={() => (asking.value = false)}
          onAsked={(email) => {
            asking.value = false;
            say(t("network.asked", { email }));
            void read.reload();
          }}
        />
      )}
    </>
  );
}

interface RowProps {
  connection: Connection;
  busy: boolean;
  onDecide: (action: Decision) => void;
}

function Row({ connection, busy, onDecide }: RowProps) {
  const { status, reason, peerUserEmail, peerInstanceUrl } = connection;
  const name = connection.peerUserName ?? peerUserEmail;
  const waits = status === "pending" && connection.askedBy === "us";
  const buttons: Array<[Decision, string]> =
    status === "active"
      ? [["block", "button-bad"]]
      : waits
        ? [["decline", ""]]
        : status === "pending"
          ? [
              ["accept", "button-primary"],
              ["decline", ""],
            ]
          : [];
  return (
    <li class="row-card">
      <Avatar name={name} />
      <div class="row-main">
        <p>
          <b>{name}</b> <span class="faint">{connection.peerInstanceName ?? host(peerInstanceUrl)}</span>
        </p>
        <p class="faint">
          {peerUserEmail} · {host(peerInstanceUrl)} · <Time at={connection.createdAt} />
        </p>
        {reason && <p class="faint">{reason}</p>}
      </div>
      <div class="chips">
        <Chip kind={status === "active" ? "chip-success" : status === "pending" ? "chip-warn" : ""}>
          {waits ? t("network.waits") : named("connection", status)}
        </Chip>
        {connection.signedByPeer && <Chip title={t("network.signedHint")}>{t("network.signed")}</Chip>}
      </div>
      <div class="task-actions">
        {buttons.map(([action, kind]) => (
          <button type="button" class={`button ${kind}`} key={action} disabled={busy} onClick={() => onDecide(action)}>
            {waits ? t("network.withdraw") : t(`network.${action}`)}
          </button>
        ))}
      </div>
    </li>
  );
}

function Ask({ onClose, onAsked }: { onClose: () => void; onAsked: (email: string) => void }) {
  const wrong = useSignal("");
  const busy = useSignal(false);
  const ask = async (form: HTMLFormElement) => {
    const given = new FormData(form);
    const [peerInstanceUrl, peerUserEmail] = ["url", "email"].map((name) => String(given.get(name) ?? "").trim());
    busy.value = true;
    try {
      await data("POST", "api/v2/connection-requests", { peerInstanceUrl, peerUserEmail });
      onAsked(peerUserEmail ?? "");
    } catch (fault) {
      wrong.value = (fault as Error).message;
    }
    busy.value = false;
  };
  return (
    <Dialog title={t("network.ask")} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void ask(event.currentTarget);
        }}
      >
        <Field label={t("network.theirDesk")} hint={t("network.theirDeskHint")}>
          <input name="url" type="url" required placeholder="https://desk.example.com" autoFocus />
        </Field>
        <Field label={t("network.theirAddress")}>
          <input name="email" type="email" required />
        </Field>
        {wrong.value && (
          <p class="bad" role="alert">
            {wrong.value}
          </p>
        )}
        <div class="row row-end">
          <button type="button" class="button" onClick={onClose}>
            {t("cancel")}
          </button>
          <button type="submit" class="button button-primary" disabled={busy.value}>
            {t("network.ask")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
