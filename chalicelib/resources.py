"""The tables, queues and indexes, and the grants to use them."""

import os
from dataclasses import dataclass


def prefix() -> str:
    """The first part of the name of everything that belongs to this desk."""
    return os.environ.get("FLUXDEN_PREFIX", "fluxden")


def physical(name: str) -> str:
    """The name of a table or queue on the engine."""
    return f"{prefix()}-{name}"


@dataclass(frozen=True)
class Grant:
    """Permission for one action on one table, on one of its indexes, on one queue, or on another resource."""

    action: str
    resource: "Table | Queue | SocketApi | Secret | MailService"
    index: str | None = None


@dataclass(frozen=True)
class Table:
    """A DynamoDB table.

    With `ends`, its TTL deletes rows some time after their `expiresAt`, and reads leave them out from then on.
    """

    name: str
    ends: bool = False

    @property
    def physical_name(self) -> str:
        return physical(self.name)

    def can(self, *actions: str, index: str | None = None) -> tuple[Grant, ...]:
        return tuple(Grant(f"dynamodb:{action}", self, index) for action in actions)


@dataclass(frozen=True)
class Queue:
    """An SQS queue; messages that can't be processed go to its dead-letter queue."""

    name: str

    @property
    def physical_name(self) -> str:
        return physical(self.name)

    @property
    def dead_letters(self) -> "Queue":
        return Queue(f"{self.name}-dead-letters")

    def can(self, *actions: str) -> tuple[Grant, ...]:
        return tuple(Grant(f"sqs:{action}", self) for action in actions)

    def can_send(self) -> tuple[Grant, ...]:
        return self.can("SendMessage")


@dataclass(frozen=True)
class SocketApi:
    """The WebSocket API, which sends to open connections."""

    name: str

    @property
    def physical_name(self) -> str:
        return physical(self.name)

    def can_post(self) -> tuple[Grant, ...]:
        return (Grant("execute-api:ManageConnections", self),)


@dataclass(frozen=True)
class Secret:
    """The secret in Secrets Manager whose value is the keys that seal stored secrets."""

    name: str

    @property
    def physical_name(self) -> str:
        return physical(self.name)

    def can_read(self) -> tuple[Grant, ...]:
        return (Grant("secretsmanager:GetSecretValue", self),)


@dataclass(frozen=True)
class MailService:
    """Amazon SES, for desks that send mail by it."""

    name: str

    @property
    def physical_name(self) -> str:
        return physical(self.name)

    def can_send(self) -> tuple[Grant, ...]:
        # The second one is asked for because messages are sent as they are.
        return (Grant("ses:SendEmail", self), Grant("ses:SendRawEmail", self))


AUDIT = Table("audit", ends=True)
BOARD = Table("board")
CATALOG = Table("catalog")
CHAT = Table("chat", ends=True)
CONTACTS = Table("contacts")
DELIVERIES = Table("deliveries", ends=True)
DIRECTORY = Table("directory")
EVENT_TYPES = Table("event-types")
FEEDBACK = Table("feedback", ends=True)
IDEMPOTENCY = Table("idempotency")
NETWORK = Table("network")
OUTBOX = Table("outbox")
PEERS = Table("peers")
QUEUE_ITEMS = Table("queue-items", ends=True)
RELAYS = Table("relays", ends=True)
SOCKETS = Table("sockets")
TOKENS = Table("tokens")

CALLBACKS = Queue("callbacks")
CALLBACK_REPLAYS = Queue("callback-replays")
CHAT_MESSAGES = Queue("chat")
EMAIL = Queue("email")
FAN_OUT = Queue("fan-out")
INBOX_CHANGES = Queue("inbox-changes")
MAIL_REPORTS = Queue("mail-reports")
NOTICES = Queue("notices")
OUTBOX_WORK = Queue("outbox-work")
PEER_NOTICES = Queue("peer-notices")
PERSONAL_WEBHOOK = Queue("personal-webhook")
REACH = Queue("reach")
SNOOZES = Queue("snoozes")
SOCKET_WORK = Queue("socket-work")
WEB_PUSH = Queue("web-push")

QUEUES = (
    CALLBACKS,
    CALLBACK_REPLAYS,
    CHAT_MESSAGES,
    EMAIL,
    FAN_OUT,
    INBOX_CHANGES,
    MAIL_REPORTS,
    NOTICES,
    OUTBOX_WORK,
    PEER_NOTICES,
    PERSONAL_WEBHOOK,
    REACH,
    SNOOZES,
    SOCKET_WORK,
    WEB_PUSH,
)

SOCKET_API = SocketApi("sockets")

SECRET_KEY = Secret("secret-key")

MAIL_SERVICE = MailService("mail")

# To seal secrets and to open them (see `vault`).
UNSEAL = SECRET_KEY.can_read()

# To push to the open connections of a person: to the first at once, to the others by a worker.
NOTIFY = SOCKETS.can("Query", "PutItem", "DeleteItem") + SOCKET_API.can_post() + SOCKET_WORK.can_send()

# To send a browser notification where no connection is open, and to reach people by channels of their own.
NUDGE = WEB_PUSH.can_send() + REACH.can_send()

INBOX_INDEX = "inbox"
DUE_INDEX = "due"
HEARTBEAT_INDEX = "heartbeat"
OWNER_INDEX = "owner"
LIST_INDEX = "list"
PERSON_INDEX = "person"
ORDER_INDEX = "order"
TYPE_INDEX = "type"
FACETS_INDEX = "facets"
ROLE_INDEX = "role"
RECENT_INDEX = "recent"
SENT_INDEX = "sent"
ACTOR_INDEX = "actor"
