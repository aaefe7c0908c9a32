"""The messages with which two desks connect, and the headers and paths of everything sent over a connection."""

import base64
import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import (
    Headers,
    Omittable,
    OpenIn,
    Out,
    PeerLine,
    email_address,
    not_blank,
    timestamp,
    to_one_line,
)
from chalicelib.core.domain.links import link_error
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus, Initiator, PeerKey
from chalicelib.federation.connections.domain.origins import LONGEST_ORIGIN, canonical_origin
from chalicelib.people.domain.directory import Person

TOKEN_HEADER, DIGEST_HEADER = "X-Federation-Token", "X-Federation-HMAC"
DESTINATION_HEADER = "X-Federation-Destination"
CONNECT_PATH, ACCEPT_PATH = "/api/federation/connect", "/api/federation/connect/accept"
END_PATH = "/api/federation/connect/end"
RELAY_PATH, ACK_PATH = "/api/federation/relay", "/api/federation/relay-ack"

_KEY_BYTES = 32
# Together with an origin it is part of one sort key, which has at most 1,024 bytes.
_MOST_ADDRESS_BYTES = 320
_VISIBLE = re.compile(r"[\x21-\x7e]+", re.ASCII)
# Older versions use other names for the same member; the first name with a value counts.
_ALIASES = {
    "fromInstanceUrl": ("instanceUrl", "sourceUrl"),
    "fromInstanceName": ("instanceName", "sourceName"),
    "fromUserEmail": ("senderEmail", "email"),
    "fromUserName": ("senderName", "name"),
    "toUserEmail": ("targetEmail", "recipientEmail"),
    "federationToken": ("token",),
    "connectionId": ("remoteConnectionId",),
}


def base_url(text: str, *, allow_loopback: bool = False) -> str:
    """Return a desk's URL in its canonical form.

    Raises:
        PydanticCustomError: the URL is not valid, or must not be called.
    """
    if (reason := link_error(text, allow_loopback=allow_loopback)) is not None:
        raise PydanticCustomError("link", "{reason}", {"reason": reason})
    try:
        return canonical_origin(text)
    except ValueError as error:
        raise PydanticCustomError("link", "{reason}", {"reason": str(error)}) from error


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
        raise PydanticCustomError("bytes", "Must have at most {most} bytes", {"most": _MOST_ADDRESS_BYTES})
    return text


Label = Annotated[str, Field(max_length=200)]
PeerName = Annotated[PeerLine, Field(max_length=200)]
# An address of a person, as desks send it: longer ones than those of people here are taken.
PeerAddress = Annotated[
    str,
    Field(min_length=1),
    AfterValidator(not_blank),
    AfterValidator(str.strip),
    AfterValidator(email_address),
    AfterValidator(_short),
]


def _address_or_nothing(text: str) -> str:
    return _short(email_address(text.strip())) if text.strip() else ""


# One that may be left out; an empty text leaves it out as well.
OptionalPeerAddress = Annotated[str, Field(max_length=320), AfterValidator(_address_or_nothing)]


class Introduction(OpenIn):
    """The key with which a desk signs. Only Fluxden desks send one."""

    model_config = ConfigDict(alias_generator=to_camel)

    key_id: Annotated[str, Field(min_length=1, max_length=100)]
    public_key: Annotated[str, AfterValidator(_public_key)]

    @property
    def key(self) -> PeerKey:
        return PeerKey(self.key_id, self.public_key)


class ConnectIn(OpenIn):
    """A request to connect with a person of this desk.

    The names `instanceUrl`, `sourceUrl`, `instanceName`, `sourceName`, `senderEmail`, `email`, `senderName`, `name`,
    `targetEmail`, `recipientEmail`, `token` and `remoteConnectionId` are accepted as well.
    """

    model_config = ConfigDict(alias_generator=to_camel)

    from_instance_url: Annotated[
        str, Field(max_length=LONGEST_ORIGIN, description="The base URL of the desk that sends the request.")
    ]
    from_instance_name: Omittable[PeerName] = Field(None, description="The name of the desk that sends the request.")
    from_user_email: Annotated[PeerAddress, Field(description="The email address of the person who asks.")]
    from_user_name: Omittable[PeerName] = Field(None, description="The name of the person who asks.")
    to_user_email: Annotated[PeerAddress, Field(description="The email address of the person at this desk.")]
    federation_token: Annotated[
        str,
        Field(
            min_length=8,
            max_length=512,
            description="The token that authenticates everything sent over the connection.",
        ),
        AfterValidator(_token),
    ]
    connection_id: Omittable[PeerName] = Field(
        None, description="The id of the connection at the desk that sends the request."
    )
    fluxden: Omittable[Introduction] = Field(
        None, description="The signing key of a Fluxden desk. From now on its requests must be signed."
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
    """A peer's message that it accepted a request of this desk."""

    model_config = ConfigDict(alias_generator=to_camel)

    connection_id: Omittable[PeerName] = Field(None, description="The id of the connection at the desk that accepts.")
    accepted_by_email: OptionalPeerAddress | None = None
    accepted_by_name: PeerName | None = None
    instance_url: str | None = Field(None, description="The base URL of the desk that accepts.")
    fluxden: Omittable[Introduction] = None

    def is_from(self, connection: Connection) -> bool:
        """Whether the sender can be the desk that was asked. Desks of other makes may have several addresses."""
        if not self.fluxden or self.instance_url is None:
            return True
        try:
            return canonical_origin(self.instance_url) == connection.peer_url
        except ValueError:
            return False


class EndedIn(OpenIn):
    """A peer's message that it declined a request, withdrew one or ended the connection."""

    model_config = ConfigDict(alias_generator=to_camel)

    connection_id: Omittable[Label] = Field(None, description="The id of the connection at the desk that sends this.")
    reason: Omittable[Label] = Field(None, description="Why, in one line.")


class FederationHeaders(Headers):
    """The credentials and signatures of a connected desk."""

    token: str = Field(alias=TOKEN_HEADER, description="The token of the connection.")
    digest: Omittable[str] = Field(
        None,
        alias=DIGEST_HEADER,
        description="HMAC-SHA256 of the raw body, keyed with the token, as 64 lower-case hex digits. Required if "
        "the connection has `hmacEnabled`.",
    )
    signature_input: Omittable[str] = Field(
        None,
        alias="Signature-Input",
        description="RFC 9421, with `Signature` and `Content-Digest`. Required of a desk that has sent its key. "
        f"Covers @method, @target-uri, content-digest and {DESTINATION_HEADER.lower()}, and has `created`.",
    )


class IntroductionOut(Out):
    """The key with which this desk signs."""

    key_id: str
    public_key: str


class ConnectedAnswer(Out):
    """The state of the connection that was asked for."""

    success: Literal[True]
    connection_id: str
    status: ConnectionStatus
    local_user_name: Omittable[str] = None
    local_user_email: Omittable[str] = None
    message: Omittable[str] = None
    fluxden: Omittable[IntroductionOut] = None


def new_incoming(
    given: ConnectIn, person: Person | None, status: ConnectionStatus, *, connection_id: str, hashed: str, now: datetime
) -> Connection:
    """Return the connection that a peer's request creates; `hashed` is the hash of its token.

    Without a person the request can be held: who is asked is looked up when it is released.
    """
    return Connection(
        connection_id=connection_id,
        user_id=person.user_id if person else "",
        user_email=person.email if person else given.to_user_email.strip().lower(),
        user_name=person.name if person else "",
        peer_url=given.from_instance_url,
        peer_email=given.from_user_email.strip(),
        asked_as=given.from_user_email.strip().lower(),
        peer_name=to_one_line(given.from_user_name or "") or None,
        peer_instance_name=to_one_line(given.from_instance_name or "") or None,
        peer_connection_id=given.connection_id or None,
        token_hash=hashed,
        status=status,
        initiator=Initiator.PEER,
        # Fluxden desks sign from the start. Other makes do so only after their operator turns it on.
        hmac_enabled=given.fluxden is not None,
        peer_key=given.fluxden.key if given.fluxden else None,
        created_at=timestamp(now),
        updated_at=timestamp(now),
        nickname=to_one_line(given.from_user_name or "") or None,
        keys_due_at=timestamp(now),
    )
