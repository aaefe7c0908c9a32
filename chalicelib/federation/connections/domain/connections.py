"""Connections between a person here and a person of another desk: how they come about, and what they let through."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, Url

from chalicelib.core.domain.errors import Conflict
from chalicelib.core.domain.fields import Headers, In, Omittable, OpenIn, Out, Query, TimeOut, not_blank, timestamp
from chalicelib.core.domain.links import refuse_link

TOKEN_HEADER, DIGEST_HEADER = "X-Federation-Token", "X-Federation-HMAC"
DESTINATION_HEADER = "X-Federation-Destination"
CONNECT_PATH, ACCEPT_PATH = "/api/federation/connect", "/api/federation/connect/accept"
END_PATH = "/api/federation/connect/end"
RELAY_PATH, ACK_PATH = "/api/federation/relay", "/api/federation/relay-ack"

# A request that nobody has answered for so long is declined.
ANSWERED_WITHIN = timedelta(days=30)

# Anybody can ask anybody, in any name; a person is told of no more than this.
MOST_REQUESTS_AN_HOUR = 200

_KEY_BYTES = 32
# With an address they make one key of a table, which has at most 1,024 bytes.
LONGEST_URL, _MOST_ADDRESS_BYTES = 400, 320
_VISIBLE = re.compile(r"[\x21-\x7e]+", re.ASCII)
# Other desks' versions call the same member by other names; of these the first that says something counts.
_ALIASES = {
    "fromInstanceUrl": ("instanceUrl", "sourceUrl"),
    "fromInstanceName": ("instanceName", "sourceName"),
    "fromUserEmail": ("senderEmail", "email"),
    "fromUserName": ("senderName", "name"),
    "toUserEmail": ("targetEmail", "recipientEmail"),
    "federationToken": ("token",),
    "connectionId": ("remoteConnectionId",),
}


@dataclass(frozen=True)
class PeerKey:
    """The key by which a desk signs what it sends: an Ed25519 public key, in base64."""

    key_id: str
    public_key: str


class UnknownKey(Exception):
    """A signature names a key that is none of those known of its desk."""


class ConnectionStatus(StrEnum):
    """Where a connection stands; only an active one lets anything through. Requests that nobody hears expire."""

    # Its name in the published document, which clients are generated from.
    __qualname__ = "PeeringStatus"

    PENDING = "pending"
    ACTIVE = "active"
    BLOCKED = "blocked"
    DECLINED = "declined"
    EXPIRED = "expired"


class Initiator(StrEnum):
    """Who asked for a connection; the other side accepts it."""

    US = "us"
    PEER = "peer"


@dataclass(frozen=True)
class Connection:
    """A connection of a local user with somebody of another desk.

    Both desks know one token: whoever sends shows it, and its digests sign bodies while `hmac_enabled`. It is kept
    by its hash here, and sealed in the store. `peer_key`, if the peer has told one, means that what it sends must be
    signed: by one of the keys that its desk `published` at its own address, or, where that has none, by this one.
    `keys_due_at` is when they are asked for next, and `keys_tried_at` when they were last.
    `asked_as` is the peer's address as it was when the connection was made, by which the pair is known.
    `reason` tells how a request of ours came to nothing; `contact_id` is the peer among the user's contacts.
    `version` grows with every change.
    """

    connection_id: str
    user_id: str
    user_email: str
    user_name: str
    peer_url: str
    peer_email: str
    asked_as: str
    peer_name: str | None
    peer_instance_name: str | None
    peer_connection_id: str | None
    token_hash: str
    status: ConnectionStatus
    initiator: Initiator
    hmac_enabled: bool
    peer_key: PeerKey | None
    created_at: str
    updated_at: str
    nickname: str | None = None
    peer_nickname: str | None = None
    reason: str | None = None
    contact_id: str | None = None
    version: int = 1
    published: tuple[PeerKey, ...] = ()
    keys_due_at: str | None = None
    keys_tried_at: str | None = None

    @property
    def keys(self) -> tuple[PeerKey, ...]:
        """Those that the peer may sign with; none where it is not known to sign."""
        return self.published or ((self.peer_key,) if self.peer_key else ())

    @property
    def awaits_peer(self) -> bool:
        """Whether it was asked for from here, and is for the peer to accept."""
        return self.initiator is Initiator.US and self.status is ConnectionStatus.PENDING

    @property
    def peer_label(self) -> str:
        return self.peer_name or self.peer_email

    def changed(self, *, now: datetime, **changes: Any) -> "Connection":
        return replace(self, **changes, updated_at=timestamp(now), version=self.version + 1)


@dataclass(frozen=True)
class ConnectionState:
    """What is known of a connection without reading it."""

    connection_id: str
    status: ConnectionStatus
    initiator: Initiator

    @property
    def awaits_peer(self) -> bool:
        return self.initiator is Initiator.US and self.status is ConnectionStatus.PENDING


def base_url(text: str, *, allow_loopback: bool = False) -> str:
    """A desk's URL in the one spelling by which it is compared: host in lower case, no default port, no last slash.

    Raises:
        PydanticCustomError: it is no URL that may be called.
    """
    if (reason := refuse_link(text, allow_loopback=allow_loopback)) is not None:
        raise PydanticCustomError("link", "{reason}", {"reason": reason})
    url = Url(text)
    if len(str(url)) > LONGEST_URL:
        raise PydanticCustomError("too_long", "must have at most {most} characters", {"most": LONGEST_URL})
    if url.query is not None or url.fragment is not None:
        raise PydanticCustomError("base_url", "must end with its path")
    return str(url).rstrip("/")


def _token(text: str) -> str:
    if not _VISIBLE.fullmatch(text):
        raise PydanticCustomError("token", "Must have visible ASCII characters only, as headers do")
    return text


def _public_key(text: str) -> str:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise PydanticCustomError("public_key", "Must be 32 bytes in base64: an Ed25519 public key")
    return text


def _short(text: str) -> str:
    if len(text.lower().encode()) > _MOST_ADDRESS_BYTES:
        raise PydanticCustomError("too_long", "Must have at most {most} bytes", {"most": _MOST_ADDRESS_BYTES})
    return text


Label = Annotated[str, Field(max_length=200)]
PeerAddress = Annotated[str, Field(min_length=1), AfterValidator(not_blank), AfterValidator(_short)]


class Introduction(OpenIn):
    """By which key a desk signs; only Fluxden desks introduce themselves."""

    model_config = ConfigDict(alias_generator=to_camel)

    key_id: Annotated[str, Field(min_length=1, max_length=100)]
    public_key: Annotated[str, AfterValidator(_public_key)]

    @property
    def key(self) -> PeerKey:
        return PeerKey(self.key_id, self.public_key)


class ConnectIn(OpenIn):
    """A request to be connected with somebody here.

    `instanceUrl`, `sourceUrl`, `instanceName`, `sourceName`, `senderEmail`, `email`, `senderName`, `name`,
    `targetEmail`, `recipientEmail`, `token` and `remoteConnectionId` are understood too.
    """

    model_config = ConfigDict(alias_generator=to_camel)

    from_instance_url: Annotated[str, Field(max_length=LONGEST_URL, description="Where the asking desk is reached.")]
    from_instance_name: Omittable[Label] = Field(None, description="What the asking desk is called.")
    from_user_email: Annotated[PeerAddress, Field(description="Who asks.")]
    from_user_name: Omittable[Label] = Field(None, description="What they are called.")
    to_user_email: Annotated[PeerAddress, Field(description="Who of this desk is asked.")]
    federation_token: Annotated[
        str,
        Field(min_length=8, max_length=512, description="Shown with everything that is sent over the connection."),
        AfterValidator(_token),
    ]
    connection_id: Omittable[Label] = Field(None, description="The asking desk's own id of the connection.")
    fluxden: Omittable[Introduction] = Field(
        None, description="A Fluxden desk introduces itself: signatures are expected from then on."
    )

    @model_validator(mode="before")
    @classmethod
    def _by_any_name(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        known = dict(given)
        for name, others in _ALIASES.items():
            found = next((given[each] for each in (name, *others) if given.get(each)), None)
            if found is not None:
                known[name] = found
        return known

    @field_validator("from_instance_url")
    @classmethod
    def _reachable(cls, text: str, info: ValidationInfo) -> str:
        return base_url(text, allow_loopback=bool(info.context and info.context.get("allow_loopback")))


class AcceptedIn(OpenIn):
    """Word that a request of ours was accepted."""

    model_config = ConfigDict(alias_generator=to_camel)

    connection_id: Omittable[Label] = Field(None, description="The accepting desk's own id of the connection.")
    accepted_by_email: Annotated[str, Field(max_length=320)] | None = None
    accepted_by_name: Label | None = None
    instance_url: str | None = Field(None, description="Where the accepting desk is reached.")
    fluxden: Omittable[Introduction] = None

    def is_from(self, connection: Connection) -> bool:
        """Whether the desk that speaks may be the one that was asked; of other makes' addresses there are many."""
        if not self.fluxden or self.instance_url is None:
            return True
        return self.instance_url.rstrip("/").lower() == connection.peer_url.lower()


class EndedIn(OpenIn):
    """Word that a request was declined or taken back, or a connection ended."""

    model_config = ConfigDict(alias_generator=to_camel)

    connection_id: Omittable[Label] = Field(None, description="The telling desk's own id of the connection.")


class FederationHeaders(Headers):
    """By what a connected desk is known, and how it signs."""

    token: str = Field(alias=TOKEN_HEADER, description="The connection's token.")
    digest: Omittable[str] = Field(
        None,
        alias=DIGEST_HEADER,
        description="HMAC-SHA256 of the raw body under the token, as 64 lower-case hex digits. Needed where the "
        "connection has signatures on.",
    )
    signature_input: Omittable[str] = Field(
        None,
        alias="Signature-Input",
        description="RFC 9421, with `Signature` and `Content-Digest`: needed of a desk that has told its key. "
        f"Covers @method, @target-uri, content-digest and {DESTINATION_HEADER.lower()}, and tells when it was made.",
    )


class ConnectionsQuery(Query):
    """Which of one's connections."""

    status: str = Field(
        ConnectionStatus.ACTIVE.value, description="Those in this state: " + ", ".join(ConnectionStatus) + ", or `all`."
    )


class Action(StrEnum):
    """What a person may do with a connection."""

    ACCEPT = "accept"
    DECLINE = "decline"
    BLOCK = "block"


class ConnectionPatch(In):
    """What is to become of a connection."""

    action: Omittable[Annotated[Action, Field(strict=False)]] = None
    hmac_enabled: Omittable[bool] = Field(
        None, alias="hmacEnabled", description="Whether everything that comes over it must be signed with its token."
    )

    @model_validator(mode="after")
    def _says_something(self) -> "ConnectionPatch":
        if not self.model_fields_set:
            raise PydanticCustomError("nothing", "There is nothing to change")
        return self


class ConnectionOut(Out):
    """A connection, as its owner sees it."""

    id: str
    status: ConnectionStatus
    peer_instance_url: str
    peer_instance_name: str | None
    peer_user_email: str
    peer_user_name: str | None
    nickname: str | None
    peer_nickname: str | None
    hmac_enabled: bool
    signed_by_peer: bool
    asked_by: Initiator
    reason: str | None = Field(description="Why a request of this desk's came to nothing, if the other desk said.")
    contact_id: str | None = Field(description="The contact that stands for the peer; made once they are connected.")
    created_at: TimeOut


class ConnectionsAnswer(Out):
    """The caller's connections, oldest first."""

    connections: list[ConnectionOut]


class ConnectionAnswer(Out):
    """One connection."""

    success: Literal[True]
    data: ConnectionOut


class IntroductionOut(Out):
    """By which key this desk signs."""

    key_id: str
    public_key: str


class ConnectedAnswer(Out):
    """Where the asked-for connection stands."""

    success: Literal[True]
    connection_id: str
    status: ConnectionStatus
    local_user_name: Omittable[str] = None
    local_user_email: Omittable[str] = None
    message: Omittable[str] = None
    fluxden: Omittable[IntroductionOut] = None


_MOVES: Mapping[Action, tuple[ConnectionStatus, frozenset[ConnectionStatus]]] = {
    Action.ACCEPT: (ConnectionStatus.ACTIVE, frozenset({ConnectionStatus.PENDING, ConnectionStatus.BLOCKED})),
    Action.DECLINE: (ConnectionStatus.DECLINED, frozenset({ConnectionStatus.PENDING, ConnectionStatus.ACTIVE})),
    Action.BLOCK: (ConnectionStatus.BLOCKED, frozenset(ConnectionStatus)),
}


def moved(connection: Connection, action: Action) -> ConnectionStatus:
    """Where an action of its owner's takes a connection; where it stands already, it stays.

    Raises:
        Conflict: it can't go there, or it is not the owner's to accept.
    """
    target, sources = _MOVES[action]
    if connection.status is target:
        return target
    if connection.status not in sources:
        raise Conflict(f"The connection is {connection.status}; it can't be {target} any more.")
    if action is Action.ACCEPT and connection.initiator is Initiator.US:
        raise Conflict("It was asked for from here, and is for the other desk to accept; ask again where that ended.")
    return target


def shown(connection: Connection) -> ConnectionOut:
    return ConnectionOut(
        id=connection.connection_id,
        status=connection.status,
        peer_instance_url=connection.peer_url,
        peer_instance_name=connection.peer_instance_name,
        peer_user_email=connection.peer_email,
        peer_user_name=connection.peer_name,
        nickname=connection.nickname,
        peer_nickname=connection.peer_nickname,
        hmac_enabled=connection.hmac_enabled,
        signed_by_peer=bool(connection.keys),
        asked_by=connection.initiator,
        reason=connection.reason,
        contact_id=connection.contact_id,
        created_at=connection.created_at,
    )
