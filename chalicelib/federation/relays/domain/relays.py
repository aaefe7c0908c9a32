"""Relays: what people of connected desks send each other."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib import retention
from chalicelib.core.domain.errors import TooLarge
from chalicelib.core.domain.fields import timestamp

# A row holds at most 400 KB, and a relay's has little besides its payload.
_LARGEST_PAYLOAD = 300_000
# A signed relay without an id is known by its signature for this time.
REMEMBERED_FOR = retention.SIGNATURES.kept
_REPLAY = "signature:"


class Direction(StrEnum):
    """The direction of a relay, as this desk sees it."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class RelayType(StrEnum):
    """The type of a relay."""

    REQUEST = "request"
    RESPONSE = "response"
    NOTIFICATION = "notification"
    UPDATE = "update"


class RelayIntent(StrEnum):
    """The intent of a relay. Other intents are read as `custom`."""

    GET_INFO = "get_info"
    ASSIGN_TASK = "assign_task"
    REQUEST_APPROVAL = "request_approval"
    SHARE_UPDATE = "share_update"
    SCHEDULE = "schedule"
    INTRODUCE = "introduce"
    CUSTOM = "custom"
    DELEGATE = "delegate"
    ASK = "ask"
    OPINION = "opinion"
    NOTE = "note"


TASK_INTENTS = frozenset(
    {RelayIntent.ASSIGN_TASK, RelayIntent.DELEGATE, RelayIntent.SCHEDULE, RelayIntent.REQUEST_APPROVAL}
)


class RelayPriority(StrEnum):
    """The priority of a relay."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class RelayStatus(StrEnum):
    """The status of a relay. The last three are final."""

    PENDING = "pending"
    DELIVERED = "delivered"
    AGENT_HANDLING = "agent_handling"
    USER_REVIEW = "user_review"
    COMPLETED = "completed"
    DECLINED = "declined"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        return self in (RelayStatus.COMPLETED, RelayStatus.DECLINED, RelayStatus.EXPIRED)


class FilterReason(StrEnum):
    """The reason why an ambient relay was filtered out."""

    TOPIC = "topic-filter"
    QUIET_HOURS = "quiet-hours"
    DISABLED = "ambient-disabled"


@dataclass(frozen=True)
class Scope:
    """The team and the project of this desk that a relay belongs to."""

    team_id: str | None = None
    project_id: str | None = None


@dataclass(frozen=True)
class Relay:
    """A relay that the local person `user_id` sent or received over a connection.

    `peer_relay_id` is the peer's id of it; None if the peer gave it none, or has not answered yet. `payload` and
    `response` are JSON text. `verified` is whether the relay, or else the response, came from a confirmed desk.
    `changes` counts the changes. Times are RFC 3339 in UTC.
    """

    relay_id: str
    connection_id: str
    user_id: str
    direction: Direction
    type: RelayType
    intent: RelayIntent
    subject: str
    payload: str
    priority: RelayPriority
    status: RelayStatus
    thread_id: str
    peer_url: str
    peer_email: str
    peer_relay_id: str | None
    created_at: str
    updated_at: str
    parent_relay_id: str | None = None
    due_date: str | None = None
    scope: Scope = field(default_factory=Scope)
    ambient: bool = False
    card_id: str | None = None
    queue_item_id: str | None = None
    resolved_at: str | None = None
    response: str | None = None
    changes: int = 0
    verified: bool = False

    @property
    def facets(self) -> tuple[str, str]:
        return self.direction.value, self.status.value

    def with_status(self, status: RelayStatus, *, response: str | None, now: datetime) -> "Relay":
        """Return the relay after its receiver has acknowledged it."""
        return replace(
            self,
            status=status,
            response=self.response if response is None else response,
            resolved_at=timestamp(now) if status.is_final else self.resolved_at,
            updated_at=timestamp(now),
            changes=self.changes + 1,
        )


@dataclass(frozen=True)
class RelayReference:
    """A relay that is found by the peer's id; `reply` is the answer the peer got, if the relay is one of the peer's."""

    relay_id: str
    thread_id: str
    reply: Mapping[str, Any] | None


def replay_name(proof: str) -> str:
    """Return the name under which a signed relay without an id is remembered.

    It is longer than the ids that peers can give, so it is none of these.
    """
    return f"{_REPLAY}{hashlib.sha256(proof.encode()).hexdigest()}{'-' * 200}"


def is_replay_name(name: str) -> bool:
    return name.startswith(_REPLAY) and name.endswith("-" * 200)


def json_text(value: Any) -> str:
    """Return a value as the JSON text that is stored.

    Raises:
        TooLarge: the text has more bytes than a row can hold.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode()) > _LARGEST_PAYLOAD:
        raise TooLarge(f"The payload is too large. It can have at most {_LARGEST_PAYLOAD} bytes.")
    return text
