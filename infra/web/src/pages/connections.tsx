import { useSignal } from "@preact/signals";
import { call, data } from "../lib/api";
import { valueLabel, t } from "../lib/i18n";
import { host } from "../lib/urls";
import { hold, isHeld } from "../lib/holds";
import { AskDialog, FormDialog } from "../ui/form";
import { Avatar, Chip, Field, Time } from "../ui/parts";
import { useResource } from "../ui/resource";
import { Rows } from "../ui/rows";
import { showToast } from "../ui/toasts";

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
  /** Whether the desk at the address confirmed that the request is its own. */
  verified: boolean;
  createdAt: string;
}

type Decision = "accept" | "decline" | "block";

/** The user's connections and connection requests. */
export function Connections() {
  const resource = useResource(
    async () => (await call<{ connections: Connection[] }>("GET", "api/v2/connections?status=all")).connections,
  );
  const busy = useSignal("");
  const requesting = useSignal(false);
  const blocking = useSignal<Connection | null>(null);
  const decide = async (connection: Connection, action: Decision) => {
    busy.value = connection.id;
    await resource.mutate(() => data("PATCH", `api/v2/connections/${connection.id}`, { action }));
    busy.value = "";
  };
  const block = (connection: Connection) =>
    // Held back, because a block can't always be taken back: only the peer could accept our own request again.
    hold(connection.id, t("network.blocking", { name: nameOf(connection) }), () => decide(connection, "block"));
  return (
    <>
      <div class="row row-end">
        <button type="button" class="button" onClick={() => (requesting.value = true)}>
          {t("network.request")}
        </button>
      </div>
      <Rows resource={resource} icon="network" emptyText={t("network.noConnections")}>
        {(each) => (
          <Row
            connection={each}
            busy={busy.value === each.id || isHeld(each.id)}
            onDecide={(action) => (action === "block" ? (blocking.value = each) : void decide(each, action))}
          />
        )}
      </Rows>
      {blocking.value && (
        <AskDialog
          title={t("network.block")}
          text={t("network.blockEffect", { name: nameOf(blocking.value) })}
          action={t("network.block")}
          destructive
          onClose={() => (blocking.value = null)}
          onConfirm={async () => {
            const connection = blocking.value!;
            blocking.value = null;
            block(connection);
          }}
        />
      )}
      {requesting.value && (
        <RequestDialog
          onClose={() => (requesting.value = false)}
          onRequested={(email) => {
            requesting.value = false;
            showToast(t("network.requested", { email }));
            void resource.reload();
          }}
        />
      )}
    </>
  );
}

const nameOf = (connection: Connection): string => connection.peerUserName ?? connection.peerUserEmail;

interface RowProps {
  connection: Connection;
  busy: boolean;
  onDecide: (action: Decision) => void;
}

function Row({ connection, busy, onDecide }: RowProps) {
  const { status, reason, peerUserEmail, peerInstanceUrl } = connection;
  const name = nameOf(connection);
  const isAwaitingReply = status === "pending" && connection.askedBy === "us";
  const buttons: Array<[Decision, string]> =
    status === "active"
      ? [["block", "button-danger"]]
      : isAwaitingReply
        ? [["decline", ""]]
        : status === "pending"
          ? [
              ["accept", "button-primary"],
              ["decline", ""],
            ]
          : status === "blocked" && connection.askedBy === "peer"
            ? [["accept", ""]]
            : [];
  return (
    <>
      <Avatar name={name} />
      <div class="row-main">
        <p>
          <b>{name}</b> <span class="faint">{connection.peerInstanceName ?? host(peerInstanceUrl)}</span>
        </p>
        <p class="faint">
          {peerUserEmail} · {host(peerInstanceUrl)} · <Time at={connection.createdAt} />
        </p>
        {reason && <p class="faint">{reason}</p>}
        {status === "pending" && !isAwaitingReply && !connection.verified && (
          <p class="note note-warn">{t("network.unconfirmedNote", { host: host(peerInstanceUrl) })}</p>
        )}
      </div>
      <div class="chips">
        <Chip kind={status === "active" ? "chip-success" : status === "pending" ? "chip-warn" : ""}>
          {isAwaitingReply ? t("network.awaitingReply") : valueLabel("connection", status)}
        </Chip>
        {!connection.verified && !isAwaitingReply && ["pending", "active"].includes(status) && (
          <Chip kind="chip-warn" title={t("network.unconfirmedHint")}>
            {t("network.unconfirmed")}
          </Chip>
        )}
        {connection.signedByPeer && <Chip title={t("network.signedHint")}>{t("network.signed")}</Chip>}
      </div>
      <div class="task-actions">
        {buttons.map(([action, kind]) => (
          <button type="button" class={`button ${kind}`} key={action} disabled={busy} onClick={() => onDecide(action)}>
            {isAwaitingReply
              ? t("network.withdraw")
              : status === "blocked"
                ? t("network.unblock")
                : t(`network.${action}`)}
          </button>
        ))}
      </div>
    </>
  );
}

function RequestDialog({ onClose, onRequested }: { onClose: () => void; onRequested: (email: string) => void }) {
  return (
    <FormDialog
      title={t("network.request")}
      draft="connection"
      action={t("network.request")}
      onClose={onClose}
      onSend={async (field) => {
        const [peerInstanceUrl, peerUserEmail] = [field("url"), field("email")];
        await data("POST", "api/v2/connection-requests", { peerInstanceUrl, peerUserEmail });
        onRequested(peerUserEmail);
      }}
    >
      <Field label={t("network.peerUrl")} hint={t("network.peerUrlHint")}>
        <input name="url" type="url" required placeholder="https://desk.example.com" autoFocus />
      </Field>
      <Field label={t("network.peerEmail")}>
        <input name="email" type="email" required />
      </Field>
    </FormDialog>
  );
}
