"""Relays: what people of connected desks send each other, and the rules by which it is taken in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, from_json

from chalicelib.core.domain.errors import TooLarge
from chalicelib.core.domain.fields import Omittable, OpenIn, Out, Timestamp, timestamp

MOST_ATTACHMENTS = 10
# A row holds at most 400 KB, and a relay's has little besides its payload.
_LARGEST_PAYLOAD = 300_000
_LARGEST_SIZE = 2**53


class Direction(StrEnum):
    """Which way a relay went, seen from here."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class RelayType(StrEnum):
    """What a relay is to the other side."""

    REQUEST = "request"
    RESPONSE = "response"
    NOTIFICATION = "notification"
    UPDATE = "update"


class RelayIntent(StrEnum):
    """What a relay is about; others are read as custom."""

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


_TASKS = frozenset({RelayIntent.ASSIGN_TASK, RelayIntent.DELEGATE, RelayIntent.SCHEDULE, RelayIntent.REQUEST_APPROVAL})


class RelayPriority(StrEnum):
    """How much a relay matters."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class RelayStatus(StrEnum):
    """Where a relay stands; the last three are final."""

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
    """Why something ambient was kept away."""

    TOPIC = "topic-filter"
    QUIET_HOURS = "quiet-hours"
    DISABLED = "ambient-disabled"


@dataclass(frozen=True)
class Scope:
    """The team and the project, of this desk's, that a relay belongs to."""

    team_id: str | None = None
    project_id: str | None = None


@dataclass(frozen=True)
class Relay:
    """One relay, sent or received, over one connection, of the local person `user_id`.

    `peer_relay_id` is what the other desk calls it; None where it gave it no id, or has not told it yet. `payload` and
    `response` are JSON. `changes` grows with each. Times are RFC 3339 in UTC.
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

    @property
    def facets(self) -> tuple[str, str]:
        return self.direction.value, self.status.value

    def moved(self, status: RelayStatus, *, response: str | None, now: datetime) -> "Relay":
        """The relay as it stands after word from its receiver."""
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
    """What is known of a relay by the other desk's id; `reply` is what that was answered, if it came from there."""

    relay_id: str
    thread_id: str
    reply: Mapping[str, Any] | None


def json_text(value: Any) -> str:
    """A member of a relay as it is kept.

    Raises:
        TooLarge: as JSON it has more bytes than may be kept.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode()) > _LARGEST_PAYLOAD:
        raise TooLarge(f"A payload may have at most {_LARGEST_PAYLOAD} bytes.")
    return text


def _payload(value: Any) -> Any:
    """An object as it is, one that was sent as JSON text, or text as the object's message."""
    if isinstance(value, str):
        return _of_text(value)
    if not isinstance(value, dict):
        raise PydanticCustomError("payload", "Must be an object, or text")
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise PydanticCustomError("payload", "Must have no numbers that JSON has no word for") from None
    return value


def _of_text(text: str) -> dict[str, Any]:
    try:
        found = from_json(text, allow_inf_nan=False)
        json.dumps(found, allow_nan=False)
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    return {"message": text} if text.strip() else {}


def _one_of(kind: type[StrEnum], otherwise: StrEnum) -> Any:
    def read(value: Any) -> Any:
        if not isinstance(value, str):
            raise PydanticCustomError("string_type", "Must be a string")
        return kind(value) if value in list(kind) else otherwise

    return BeforeValidator(read)


def _priority(value: Any) -> Any:
    return RelayPriority.NORMAL if value == "medium" else value


_Id = Annotated[str, Field(max_length=200)]
_ScopeId = Annotated[str, Field(max_length=200)]
_CONTRACT_INTENTS = list(RelayIntent)[:7]
_CONTRACT_TYPES = list(RelayType)[:3]


class RelayIn(OpenIn):
    """A relay, as the sending desk tells it."""

    model_config = ConfigDict(alias_generator=to_camel)

    connection_id: Omittable[_Id] = Field(None, description="The sending desk's own id of the connection.")
    relay_id: Omittable[_Id] = Field(
        None, description="The sending desk's own id of the relay: under one id it is taken once."
    )
    from_user_email: Omittable[Annotated[str, Field(max_length=320)]] = None
    from_user_name: Omittable[Annotated[str, Field(max_length=200)]] = None
    to_user_email: Omittable[Annotated[str, Field(max_length=320)]] = Field(
        None, description="Whom of this desk it is for; by default the person who is connected."
    )
    type: Annotated[
        RelayType,
        _one_of(RelayType, RelayType.REQUEST),
        WithJsonSchema({"type": "string", "enum": _CONTRACT_TYPES}),
        Field(description="Others are read as `request`; `update` is known too."),
    ] = RelayType.REQUEST
    intent: Annotated[
        RelayIntent,
        _one_of(RelayIntent, RelayIntent.CUSTOM),
        WithJsonSchema({"type": "string", "enum": _CONTRACT_INTENTS}),
        Field(description="Others are read as `custom`; `delegate`, `ask`, `opinion` and `note` are known too."),
    ] = RelayIntent.CUSTOM
    subject: Omittable[Annotated[str, Field(max_length=2000)]] = None
    payload: Annotated[
        dict[str, Any],
        BeforeValidator(_payload),
        WithJsonSchema({"type": "object"}),
        Field(description="Text is read as `{message}`."),
    ] = Field(default_factory=dict)
    priority: Omittable[Annotated[RelayPriority, Field(strict=False), BeforeValidator(_priority)]] = None
    team_id: _ScopeId | None = Field(None, description="The team it belongs to; dropped where it is not known here.")
    project_id: _ScopeId | None = Field(
        None, description="The project it belongs to, and so its team; dropped where it is not known here."
    )
    thread_id: _Id | None = None
    parent_relay_id: _Id | None = Field(None, description="What it answers, by the sending desk's id.")
    due_date: Timestamp | None = None
    attachments: Any = Field(None, description="At most ten are taken: objects with name, url, size and mimeType.")

    @property
    def is_ambient(self) -> bool:
        said = self.payload.get("_ambient") is True or self.payload.get("ambient") is True
        return said or (self.intent is RelayIntent.SHARE_UPDATE and self.priority is RelayPriority.LOW)

    @property
    def is_task(self) -> bool:
        """Whether it gives its recipient work. An answer never does, and nothing ambient."""
        return self.intent in _TASKS and self.type is not RelayType.RESPONSE and not self.is_ambient

    @property
    def weight(self) -> RelayPriority:
        return self.priority or (RelayPriority.LOW if self.is_ambient else RelayPriority.NORMAL)

    @property
    def topic(self) -> str | None:
        found = (self.payload.get(name) for name in ("topic", "_topic"))
        return next((each for each in found if isinstance(each, str) and each), None)

    @property
    def title(self) -> str:
        return one_line(self.subject or "")

    @property
    def text(self) -> str:
        """What the payload says to a person; empty when it says nothing."""
        found = (self.payload.get(name) for name in ("description", "body", "message"))
        return next((each for each in found if isinstance(each, str) and each.strip()), "")

    def attached(self) -> list[dict[str, Any]]:
        """The first ten attachments that lead anywhere, each with the same members."""
        given = self.attachments or self.payload.get("attachments")
        found = map(_attachment, given if isinstance(given, list) else [])
        return [each for each in found if each][:MOST_ATTACHMENTS]


def one_line(text: str) -> str:
    """One line without control characters."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _attachment(given: Any) -> dict[str, Any] | None:
    if not isinstance(given, dict):
        return None
    url = _first(given, "url", "href")
    if url is None:
        return None
    size = given.get("size")
    return {
        "name": _first(given, "name", "filename") or "attachment",
        "url": url,
        "size": size if isinstance(size, int | float) and size is not True and 0 < size < _LARGEST_SIZE else None,
        "mimeType": _first(given, "mimeType", "mime", "type"),
    }


def _first(given: Mapping[str, Any], *names: str) -> str | None:
    return next((given[each] for each in names if isinstance(given.get(each), str) and given[each]), None)


class ScopeOut(Out):
    """A team and a project, as far as there are any to tell."""

    team_id: Omittable[str] = None
    project_id: Omittable[str] = None


class RelayAnswer(Out):
    """What became of a relay: taken, taken before, or kept away."""

    success: Literal[True]
    relay_id: Omittable[str] = Field(None, description="This desk's own id of it; a relay that was kept away has none.")
    message: Omittable[str] = None
    thread_id: Omittable[str] = None
    parent_relay_id: str | None = None
    attachment_count: Omittable[int] = None
    scope_resolved: Omittable[ScopeOut] = None
    scope_dropped: Omittable[ScopeOut] = None
    task: Omittable[Literal[True]] = None
    card_id: Omittable[str] = None
    ambient: Omittable[Literal[True]] = None
    fallback: Omittable[Literal[True]] = Field(None, description="It went to the person who is connected instead.")
    duplicate: Omittable[Literal[True]] = None
    filtered: Omittable[Literal[True]] = None
    reason: Omittable[FilterReason] = None
    reason_detail: Omittable[str] = None


def _final_status(value: Any) -> Any:
    return RelayStatus.COMPLETED if value == "accepted" else value


def _response(value: Any) -> Any:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise PydanticCustomError("payload", "Must have no numbers that JSON has no word for") from None
    return value


class AckIn(OpenIn):
    """Word of what became of a relay that was sent from here."""

    model_config = ConfigDict(alias_generator=to_camel)

    relay_id: _Id | None = Field(None, description="The relay: by this desk's id, or by the telling desk's own.")
    peer_relay_id: _Id | None = Field(None, description="The same; looked at first.")
    status: Annotated[RelayStatus, Field(strict=False), BeforeValidator(_final_status)] = Field(
        description="Where it stands; `accepted` is read as `completed`."
    )
    response_payload: Annotated[Any, AfterValidator(_response)] = Field(
        None, description="What the receiver has to say."
    )
    subject: str | None = None
    metadata: dict[str, Any] | None = None

    @property
    def names(self) -> list[str]:
        """The ids it may mean, likeliest first."""
        invited = (self.metadata or {}).get("inviteId")
        given = [self.peer_relay_id, self.relay_id, invited if isinstance(invited, str) else None]
        return list(dict.fromkeys(each for each in given if each and len(each) <= 200))  # noqa: PLR2004 - as _Id


class AckAnswer(Out):
    """Where the relay stands now."""

    success: Literal[True]
    relay_id: str
    status: RelayStatus
