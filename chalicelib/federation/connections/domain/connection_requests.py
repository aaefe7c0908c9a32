"""Connection requests of this desk: what the person asks for, what the peer receives, and what it answers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid5

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from chalicelib.board.domain.contacts import Contact
from chalicelib.core.domain.fields import In, Line, Omittable, timestamp, to_one_line
from chalicelib.core.domain.http_results import HttpResult, json_object
from chalicelib.core.domain.retries import REFUSED_FOR_GOOD, Outcome
from chalicelib.federation.connections.domain.connections import (
    Connection,
    ConnectionStatus,
    Initiator,
    PeerKey,
    Proof,
)
from chalicelib.federation.connections.domain.handshake import (
    ConnectIn,
    Introduction,
    PeerAddress,
    base_url,
)
from chalicelib.federation.connections.domain.origins import LONGEST_ORIGIN
from chalicelib.federation.connections.domain.remote_texts import origin_marks
from chalicelib.federation.connections.domain.transitions import Event, Step, next_step
from chalicelib.people.domain.directory import Person

_NAMESPACE = UUID("5a7c9e53-6c1f-5d0a-9c0e-4b7d0b0f2a61")
_LONGEST_NAME, _LONGEST_TEXT = 200, 200
# A status that is missing or not known leaves the request waiting.
_EVENTS = {"active": Event.PEER_ACCEPTED, "declined": Event.PEER_ENDED, "blocked": Event.PEER_ENDED}


class ConnectionRequestIn(In):
    """The person the caller wants to connect with."""

    peer_instance_url: Annotated[
        str, Field(alias="peerInstanceUrl", max_length=LONGEST_ORIGIN, description="The base URL of their desk.")
    ]
    peer_user_email: Annotated[
        PeerAddress, Field(alias="peerUserEmail", description="Their email address at that desk.")
    ]
    nickname: Omittable[Annotated[Line, Field(max_length=_LONGEST_NAME)]] = Field(
        None, description="A name for them. Only the caller sees it."
    )

    @field_validator("peer_instance_url")
    @classmethod
    def _reachable(cls, text: str, info: ValidationInfo) -> str:
        return base_url(text, allow_loopback=bool(info.context and info.context.get("allow_loopback")))

    @property
    def asked_as(self) -> str:
        return self.peer_user_email.strip().lower()


@dataclass(frozen=True)
class RequestAnswer:
    """A peer's answer to a request, as far as it can be understood.

    Its `localUserEmail` is not read: a desk could answer for somebody else, whom the person here did not ask for.
    """

    event: Event = Event.PEER_RECEIVED
    connection_id: str | None = None
    name: str | None = None
    key: PeerKey | None = None


def new_outgoing(
    given: ConnectionRequestIn, person: Person, *, connection_id: str, hashed: str, now: datetime
) -> Connection:
    """Return the connection that a request creates; it waits for the peer."""
    return Connection(
        connection_id=connection_id,
        user_id=person.user_id,
        user_email=person.email,
        user_name=person.name,
        peer_url=given.peer_instance_url,
        peer_email=given.peer_user_email.strip(),
        asked_as=given.asked_as,
        peer_name=None,
        peer_instance_name=None,
        peer_connection_id=None,
        token_hash=hashed,
        status=ConnectionStatus.PENDING,
        initiator=Initiator.US,
        hmac_enabled=False,
        peer_key=None,
        created_at=timestamp(now),
        updated_at=timestamp(now),
        nickname=given.nickname or None,
        keys_due_at=timestamp(now),
    )


def request_body(connection: Connection, *, token: str, own_url: str, key: PeerKey) -> dict[str, Any]:
    """Return the body of the request, the same at every attempt."""
    return {
        "fromInstanceUrl": own_url,
        "fromUserEmail": connection.user_email,
        "fromUserName": connection.user_name,
        "toUserEmail": connection.peer_email,
        "federationToken": token,
        "connectionId": connection.connection_id,
        "fluxden": {"keyId": key.key_id, "publicKey": key.public_key},
    }


def parse_answer(body: bytes) -> RequestAnswer:
    """Read a peer's answer to a request; leave out what can't be understood."""
    answer = json_object(body)
    try:
        key = Introduction.model_validate(answer["fluxden"]).key
    except (KeyError, ValidationError):
        key = None
    status = answer.get("status")
    return RequestAnswer(
        event=_EVENTS.get(status, Event.PEER_RECEIVED) if isinstance(status, str) else Event.PEER_RECEIVED,
        connection_id=_text(answer, "connectionId"),
        name=_text(answer, "localUserName"),
        key=key,
    )


def is_refused_for_good(result: HttpResult) -> bool:
    """Whether the peer refused in a way that another attempt can't change."""
    return result.sent and result.error is not None and result.status in REFUSED_FOR_GOOD


def answer_step(
    connection: Connection,
    result: HttpResult,
    outcome: Outcome,
    *,
    now: datetime,
    probe: Callable[[Connection], bool],
) -> Step | None:
    """Return the step that the last attempt at a request leads to; None if the request no longer waits.

    A Fluxden desk may know an earlier connection that this desk has lost. So its word that the connection is active
    counts only if the `probe` shows that the token is ours.
    """
    if outcome is not Outcome.DELIVERED:
        event = Event.PEER_ENDED if is_refused_for_good(result) else Event.UNDELIVERED
        return next_step(connection, event, now=now, reason=result.error)
    answer = parse_answer(result.body)
    event = answer.event
    reason = "the other desk says so" if event is Event.PEER_ENDED else None
    if event is Event.PEER_ACCEPTED and (connection.keys or answer.key) and not probe(connection):
        event, reason = Event.PEER_RECEIVED, "its desk knows an earlier connection, and asks the person there anew"
    changes: dict[str, Any] = {
        "peer_connection_id": answer.connection_id or connection.peer_connection_id,
        "peer_name": answer.name or connection.peer_name,
        "reason": reason,
        # It answered at its own address.
        "proof": connection.proof or Proof.CALLBACK,
    }
    if answer.key and not connection.peer_key:
        changes |= {"peer_key": answer.key, "hmac_enabled": True}
    return next_step(connection, event, now=now, **changes)


def new_contact(connection: Connection, *, now: datetime) -> Contact:
    """Return the contact for a peer. Its id derives from the peer's address, so a repeat makes the same contact."""
    address = connection.peer_email
    details = {"connectionId": connection.connection_id, "peerInstanceUrl": connection.peer_url}
    details |= origin_marks(connection)
    contact_id = str(uuid5(_NAMESPACE, f"contact\n{connection.user_id}\n{connection.peer_url}\n{address.lower()}"))
    return Contact(
        contact_id=contact_id,
        user_id=connection.user_id,
        name=(connection.nickname or connection.peer_label)[:_LONGEST_NAME],
        email=address,
        phone=None,
        company=connection.peer_instance_name,
        role=None,
        notes=None,
        tags=None,
        source="federation",
        enriched_data=json.dumps(details),
        created_at=timestamp(now),
        updated_at=timestamp(now),
        index_id=contact_id,
    )


def crossing_id(own_connection_id: str, token_hash: str) -> str:
    """Return the id for the peer's request in a crossing, the same however often it comes."""
    return str(uuid5(_NAMESPACE, f"crossing\n{own_connection_id}\n{token_hash}"))


def held_id(given: ConnectIn, token_hash: str, number: int) -> str:
    """Return the id of a held request, the same however often it comes; `number` counts those that ended before."""
    people = f"{given.from_user_email.strip().lower()}\n{given.to_user_email.strip().lower()}"
    return str(uuid5(_NAMESPACE, f"held\n{token_hash}\n{given.from_instance_url}\n{people}\n{number}"))


def _text(answer: Mapping[str, Any], name: str) -> str | None:
    value = answer.get(name)
    text = to_one_line(value) if isinstance(value, str) else ""
    return text if 1 <= len(text) <= _LONGEST_TEXT else None
