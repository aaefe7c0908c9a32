"""Relays that this desk sends: the request, the body that the peer receives, and the response."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import (
    Clamped,
    Filter,
    Line,
    Omittable,
    Out,
    Query,
    TimeOut,
    Uuid,
    timestamp,
    to_one_line,
)
from chalicelib.core.domain.http_results import json_object
from chalicelib.core.domain.pages import Cursor, CursorPagination, Offset
from chalicelib.federation.connections.domain.connections import Connection
from chalicelib.federation.connections.domain.handshake import OptionalPeerAddress
from chalicelib.federation.connections.domain.origins import SOURCE
from chalicelib.federation.relays.domain.outbox import SendOutcome
from chalicelib.federation.relays.domain.relay_messages import CONTRACT_VALUES, RelayIn
from chalicelib.federation.relays.domain.relays import (
    Direction,
    Relay,
    RelayIntent,
    RelayPriority,
    RelayStatus,
    RelayType,
    Scope,
)

RELAY, ACKNOWLEDGEMENT = "relay", "acknowledgement"
_DEFAULT_SUBJECT = "Federated relay"
_MOST_RELAYS_A_PAGE = 100
_LONGEST_ID, _LONGEST_REASON = 200, 100


def _of_the_contract(name: str) -> Any:
    known: dict[Any, StrEnum] = {each.value: each for each in CONTRACT_VALUES[name]}

    def read(value: Any) -> Any:
        if not isinstance(value, str) or value not in known:
            raise PydanticCustomError("enum", "Must be one of {known}", {"known": ", ".join(known)})
        return known[value]

    return BeforeValidator(read)


def _schema_of(name: str) -> Any:
    return WithJsonSchema({"type": "string", "enum": list(CONTRACT_VALUES[name])})


class NewRelayIn(RelayIn):
    """A relay to send over one of the caller's connections."""

    connection_id: Annotated[
        str, Field(min_length=1, max_length=200, description="The id of the connection at this desk.")
    ]
    to_user_email: Omittable[OptionalPeerAddress] = Field(
        None, description="The email address of the recipient at the other desk. The default is the connected person."
    )
    subject: Omittable[Annotated[Line, Field(max_length=2000)]] = None
    type: Annotated[RelayType, _of_the_contract("type"), _schema_of("type")] = RelayType.REQUEST
    intent: Annotated[RelayIntent, _of_the_contract("intent"), _schema_of("intent")] = RelayIntent.CUSTOM
    priority: Omittable[Annotated[RelayPriority, _of_the_contract("priority"), _schema_of("priority")]] = None
    card_id: Omittable[Uuid] = Field(
        None, description="The caller's card that the relay is about. Its checklist gets a note when the relay ends."
    )
    queue_item_id: Omittable[Uuid] = Field(
        None, description="The caller's queue item that the relay hands over. It is done when the relay is completed."
    )


class RelayFilter(Query):
    """Filters the relays. A direction or status that does not exist finds none."""

    direction: Omittable[Annotated[str, Filter(Direction)]] = None
    status: Omittable[Annotated[str, Filter(RelayStatus)]] = None

    @property
    def is_known(self) -> bool:
        return self.direction in (None, *Direction) and self.status in (None, *RelayStatus)


class RelayQuery(RelayFilter):
    """Filters and pages the relays. A direction or status that does not exist finds none."""

    limit: Annotated[int, Field(ge=1), Clamped(_MOST_RELAYS_A_PAGE)] = Field(
        50, description="The page size, at most 100. A larger value is read as 100."
    )
    offset: Offset = 0
    cursor: Cursor = None


class Dispatch(StrEnum):
    """The state of sending a relay."""

    QUEUED = "queued"
    RETRYING = "retrying"
    SENT = "sent"
    FILTERED = "filtered"
    PARKED = "parked"
    EXPIRED = "expired"


@dataclass(frozen=True)
class RelayDispatch:
    """A relay and the state of sending it, or its acknowledgement if it was received; None before an attempt."""

    relay: Relay
    dispatch: Dispatch | None
    tries: int
    error: str | None

    @property
    def kind(self) -> str:
        return RELAY if self.relay.direction is Direction.OUTBOUND else ACKNOWLEDGEMENT

    @property
    def has_ended(self) -> bool:
        """Whether sending has ended without success."""
        return self.dispatch in (Dispatch.PARKED, Dispatch.EXPIRED)


DISPATCH_OF = {
    SendOutcome.SENT: Dispatch.SENT,
    SendOutcome.FILTERED: Dispatch.FILTERED,
    SendOutcome.PARKED: Dispatch.PARKED,
    SendOutcome.EXPIRED: Dispatch.EXPIRED,
    SendOutcome.RETRY: Dispatch.RETRYING,
}


class RelayOut(Out):
    """A relay, sent or received. `payload` and `responsePayload` are JSON.

    A sent relay has `dispatch`, the state of sending it, `tries`, the number of attempts, and `error`, if one failed.
    """

    id: str
    connection_id: str
    direction: Direction
    type: RelayType
    intent: RelayIntent
    subject: str
    payload: str
    priority: RelayPriority
    status: RelayStatus
    thread_id: str
    parent_relay_id: str | None
    peer_instance_url: str
    peer_user_email: str
    peer_relay_id: str | None
    team_id: str | None
    project_id: str | None
    ambient: bool
    card_id: str | None
    queue_item_id: str | None
    due_date: TimeOut | None
    resolved_at: TimeOut | None
    response_payload: str | None
    dispatch: Omittable[Dispatch] = None
    tries: Omittable[int] = None
    error: Omittable[str] = None
    source: Omittable[Literal["federation"]] = Field(
        None,
        description="Of a received relay, whose text is remote; of a sent one with a remote response or error.",
    )
    origin: Omittable[str] = Field(None, description="The canonical address of that desk.")
    verified: Omittable[bool] = Field(None, description="Whether that desk confirmed its address.")
    created_at: TimeOut
    updated_at: TimeOut


class RelaysOut(Out):
    """A page of relays, newest first."""

    relays: list[RelayOut]
    pagination: CursorPagination


def new_relay(given: NewRelayIn, connection: Connection, *, relay_id: str, now: datetime) -> Relay:
    """Return the relay that a request creates."""
    payload = dict(given.payload)
    if attached := given.attached():
        payload["attachments"] = attached
    return Relay(
        relay_id=relay_id,
        connection_id=connection.connection_id,
        user_id=connection.user_id,
        direction=Direction.OUTBOUND,
        type=given.type,
        intent=given.intent,
        subject=given.title or _DEFAULT_SUBJECT,
        payload=json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
        priority=given.weight,
        status=RelayStatus.PENDING,
        thread_id=given.thread_id or relay_id,
        peer_url=connection.peer_url,
        peer_email=given.to_user_email or connection.peer_email,
        peer_relay_id=None,
        created_at=timestamp(now),
        updated_at=timestamp(now),
        parent_relay_id=given.parent_relay_id,
        due_date=timestamp(given.due_date) if given.due_date else None,
        scope=Scope(given.team_id, given.project_id),
        ambient=given.is_ambient,
        card_id=given.card_id,
        queue_item_id=given.queue_item_id,
    )


def relay_body(relay: Relay, connection: Connection) -> bytes:
    """Return the body of a relay, the same at every attempt."""
    content: dict[str, Any] = {
        "connectionId": connection.peer_connection_id or connection.connection_id,
        "relayId": relay.relay_id,
        "fromUserEmail": connection.user_email,
        "fromUserName": connection.user_name,
        "fromUserId": connection.user_id,
        "toUserEmail": relay.peer_email,
        "type": relay.type.value,
        "intent": relay.intent.value,
        "subject": relay.subject,
        "payload": json.loads(relay.payload),
        "priority": relay.priority.value,
        "threadId": relay.thread_id,
    }
    optional = {
        "dueDate": relay.due_date,
        "parentRelayId": relay.parent_relay_id,
        "teamId": relay.scope.team_id,
        "projectId": relay.scope.project_id,
    }
    return _json(content | {name: value for name, value in optional.items() if value is not None})


def acknowledgement_body(relay: Relay) -> bytes:
    """Return the body of an acknowledgement, the same at every attempt."""
    return _json(
        {
            "relayId": relay.peer_relay_id,
            "localRelayId": relay.relay_id,
            "status": relay.status.value,
            "responsePayload": json.loads(relay.response) if relay.response else None,
            "subject": relay.subject,
            "timestamp": relay.updated_at,
        }
    )


def parse_relay_id(body: bytes) -> str | None:
    """Return the peer's id of a relay from its answer; None if it has none that can be stored."""
    found = json_object(body).get("relayId")
    return found if isinstance(found, str) and 1 <= len(found) <= _LONGEST_ID and found.isprintable() else None


def filter_reason(body: bytes) -> str:
    """Return why the recipient's filters dropped a relay, as far as the peer's answer says."""
    given = json_object(body).get("reason")
    reason = to_one_line(given)[:_LONGEST_REASON] if isinstance(given, str) else ""
    return f"filtered by the recipient's profile{f': {reason}' if reason else ''}"


def to_response(relay: Relay, *, dispatch: Dispatch | None, tries: int, error: str | None) -> RelayOut:
    more: dict[str, Any] = {}
    if relay.direction is Direction.OUTBOUND:
        more = {"dispatch": dispatch or Dispatch.QUEUED, "tries": tries} | ({"error": error} if error else {})
    # A failed attempt quotes what that desk answered.
    if relay.direction is Direction.INBOUND or relay.response is not None or error:
        more |= {"source": SOURCE, "origin": relay.peer_url, "verified": relay.verified}
    return RelayOut(
        id=relay.relay_id,
        connection_id=relay.connection_id,
        direction=relay.direction,
        type=relay.type,
        intent=relay.intent,
        subject=relay.subject,
        payload=relay.payload,
        priority=relay.priority,
        status=relay.status,
        thread_id=relay.thread_id,
        parent_relay_id=relay.parent_relay_id,
        peer_instance_url=relay.peer_url,
        peer_user_email=relay.peer_email,
        peer_relay_id=relay.peer_relay_id,
        team_id=relay.scope.team_id,
        project_id=relay.scope.project_id,
        ambient=relay.ambient,
        card_id=relay.card_id,
        queue_item_id=relay.queue_item_id,
        due_date=relay.due_date,
        resolved_at=relay.resolved_at,
        response_payload=relay.response,
        created_at=relay.created_at,
        updated_at=relay.updated_at,
        **more,
    )


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
