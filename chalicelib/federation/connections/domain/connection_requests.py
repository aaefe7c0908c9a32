"""Connections that are asked for from here: what a person says, what the other desk is told, and what it answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid5

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from chalicelib.board.domain.contacts import Contact
from chalicelib.core.domain.fields import In, Omittable, timestamp
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.retries import REFUSED_FOR_GOOD, Outcome
from chalicelib.federation.connections.domain.connections import (
    LONGEST_URL,
    Connection,
    ConnectionStatus,
    Initiator,
    Introduction,
    Label,
    PeerAddress,
    PeerKey,
    base_url,
)
from chalicelib.people.domain.directory import Person

_NAMESPACE = UUID("5a7c9e53-6c1f-5d0a-9c0e-4b7d0b0f2a61")
_LONGEST_NAME, _LONGEST_SAID = 200, 200
_ANSWERS = {
    "active": ConnectionStatus.ACTIVE,
    "declined": ConnectionStatus.DECLINED,
    "blocked": ConnectionStatus.DECLINED,
}


class ConnectionRequestIn(In):
    """With whom of which desk the caller wants to be connected."""

    peer_instance_url: Annotated[
        str, Field(alias="peerInstanceUrl", max_length=LONGEST_URL, description="Where the other desk is reached.")
    ]
    peer_user_email: Annotated[
        PeerAddress, Field(alias="peerUserEmail", description="Their address, as their desk knows them.")
    ]
    nickname: Omittable[Label] = Field(None, description="What the caller calls them.")

    @field_validator("peer_instance_url")
    @classmethod
    def _reachable(cls, text: str, info: ValidationInfo) -> str:
        return base_url(text, allow_loopback=bool(info.context and info.context.get("allow_loopback")))

    @property
    def asked_as(self) -> str:
        return self.peer_user_email.strip().lower()


@dataclass(frozen=True)
class Told:
    """What the other desk has said to a request, as far as it can be understood."""

    status: ConnectionStatus = ConnectionStatus.PENDING
    connection_id: str | None = None
    name: str | None = None
    email: str | None = None
    key: PeerKey | None = None


def asked(given: ConnectionRequestIn, person: Person, *, connection_id: str, hashed: str, now: datetime) -> Connection:
    """The connection that a request becomes: it waits for the other desk."""
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
    """What the other desk is told: the same at every try."""
    return {
        "fromInstanceUrl": own_url,
        "fromUserEmail": connection.user_email,
        "fromUserName": connection.user_name,
        "toUserEmail": connection.peer_email,
        "federationToken": token,
        "connectionId": connection.connection_id,
        "fluxden": {"keyId": key.key_id, "publicKey": key.public_key},
    }


def told(body: bytes) -> Told:
    """What a desk's reply to a request says; whatever can't be understood is left out."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        return Told()
    try:
        key = Introduction.model_validate(said["fluxden"]).key
    except (KeyError, ValidationError):
        key = None
    status = said.get("status")
    return Told(
        status=_ANSWERS.get(status, ConnectionStatus.PENDING) if isinstance(status, str) else ConnectionStatus.PENDING,
        connection_id=_text(said, "connectionId"),
        name=_text(said, "localUserName"),
        email=_text(said, "localUserEmail"),
        key=key,
    )


def is_refused_for_good(answer: HttpResult) -> bool:
    return answer.error is not None and answer.status in REFUSED_FOR_GOOD


def answered(connection: Connection, answer: HttpResult, outcome: Outcome, *, now: datetime) -> Connection:
    """A request of ours after the last try to make it: accepted, waiting, refused, or never heard."""
    if outcome is not Outcome.DELIVERED:
        status = ConnectionStatus.DECLINED if is_refused_for_good(answer) else ConnectionStatus.EXPIRED
        return connection.changed(status=status, reason=answer.error, now=now)
    said = told(answer.body)
    more: dict[str, Any] = {"peer_key": said.key, "hmac_enabled": True} if said.key and not connection.peer_key else {}
    return connection.changed(
        status=said.status,
        peer_connection_id=said.connection_id or connection.peer_connection_id,
        peer_name=said.name or connection.peer_name,
        peer_email=said.email or connection.peer_email,
        reason="the other desk says so" if said.status is ConnectionStatus.DECLINED else None,
        now=now,
        **more,
    )


def contact_of(connection: Connection, *, now: datetime) -> Contact:
    """The contact that a peer becomes: the same for the same person's address, however often."""
    address = connection.peer_email
    known = {"connectionId": connection.connection_id, "peerInstanceUrl": connection.peer_url}
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
        enriched_data=json.dumps(known),
        created_at=timestamp(now),
        updated_at=timestamp(now),
        index_id=contact_id,
    )


def crossing_id(own_connection_id: str, token_hash: str) -> str:
    """The id of the peer's side of a crossing: the same however often their request comes."""
    return str(uuid5(_NAMESPACE, f"crossing\n{own_connection_id}\n{token_hash}"))


def _text(said: Mapping[str, Any], name: str) -> str | None:
    found = said.get(name)
    return found if isinstance(found, str) and 1 <= len(found) <= _LONGEST_SAID and found.isprintable() else None
