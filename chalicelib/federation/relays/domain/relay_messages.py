"""The messages of relays between desks: a relay, and the acknowledgement of one."""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, from_json

from chalicelib.core.domain.fields import DueDate, Omittable, OpenIn, Out, PeerLine, to_one_line
from chalicelib.federation.connections.domain.handshake import OptionalPeerAddress
from chalicelib.federation.relays.domain.relays import (
    TASK_INTENTS,
    FilterReason,
    RelayIntent,
    RelayPriority,
    RelayStatus,
    RelayType,
)

MOST_ATTACHMENTS = 10
_LARGEST_SIZE = 2**53


def _payload(value: Any) -> Any:
    """Read a payload: an object, an object as JSON text, or text, which becomes the object's message."""
    if isinstance(value, str):
        return _of_text(value)
    if not isinstance(value, dict):
        raise PydanticCustomError("payload", "Must be an object, or text")
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise PydanticCustomError("payload", "Must not have NaN or infinite numbers") from None
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


# Ids of peers are shown beside the desk's own words, so they are one line as well.
_Id = Annotated[PeerLine, Field(max_length=200)]
_ScopeId = Annotated[str, Field(max_length=200)]
_CONTRACT_INTENTS = list(RelayIntent)[:7]
_CONTRACT_TYPES = list(RelayType)[:3]
# The members whose other values are read as one of these, and named in the answer's `warnings`.
CONTRACT_VALUES: Mapping[str, Sequence[StrEnum]] = {
    "type": _CONTRACT_TYPES,
    "intent": _CONTRACT_INTENTS,
    "priority": list(RelayPriority),
}


class RelayIn(OpenIn):
    """A relay, as the sending desk sends it."""

    model_config = ConfigDict(alias_generator=to_camel)

    connection_id: Omittable[_Id] = Field(None, description="The id of the connection at the sending desk.")
    relay_id: Omittable[_Id] = Field(
        None, description="The id of the relay at the sending desk. A repeat with the same id changes nothing."
    )
    from_user_email: Omittable[OptionalPeerAddress] = None
    from_user_name: Omittable[Annotated[PeerLine, Field(max_length=200)]] = None
    # Only looked up. Whoever has no such address here, the person who is connected gets the relay.
    to_user_email: Omittable[Annotated[str, Field(max_length=320)]] = Field(
        None, description="The email address of the recipient at this desk. The default is the person who is connected."
    )
    type: Annotated[
        RelayType,
        _one_of(RelayType, RelayType.REQUEST),
        WithJsonSchema({"type": "string", "enum": _CONTRACT_TYPES}),
        Field(description="Also accepts `update`. Other types are read as `request`."),
    ] = RelayType.REQUEST
    intent: Annotated[
        RelayIntent,
        _one_of(RelayIntent, RelayIntent.CUSTOM),
        WithJsonSchema({"type": "string", "enum": _CONTRACT_INTENTS}),
        Field(description="Also accepts `delegate`, `ask`, `opinion` and `note`. Other intents are read as `custom`."),
    ] = RelayIntent.CUSTOM
    subject: Omittable[Annotated[str, Field(max_length=2000)]] = None
    payload: Annotated[
        dict[str, Any],
        BeforeValidator(_payload),
        WithJsonSchema({"type": "object"}),
        Field(description="Text is read as `{message}`."),
    ] = Field(default_factory=dict)
    priority: Annotated[
        Omittable[Annotated[RelayPriority, _one_of(RelayPriority, RelayPriority.NORMAL)]],
        Field(description="Other priorities are read as `normal`."),
    ] = None
    team_id: _ScopeId | None = Field(None, description="The team it belongs to. Ignored if the recipient is not in it.")
    project_id: _ScopeId | None = Field(
        None, description="The project it belongs to, which implies the team. Ignored if the recipient is not in it."
    )
    thread_id: _Id | None = None
    parent_relay_id: _Id | None = Field(None, description="The relay it answers, by the id at the sending desk.")
    due_date: DueDate | None = None
    attachments: Any = Field(
        None, description="Objects with `name`, `url`, `size` and `mimeType`. Only the first ten are stored."
    )

    _warnings: tuple[str, ...] = ()

    @model_validator(mode="wrap")
    @classmethod
    def _with_warnings(cls, given: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        made = read(given)
        if isinstance(given, dict):
            outside = [name for name, known in CONTRACT_VALUES.items() if name in given and given[name] not in known]
            made._warnings = tuple(f"{each}: is not in the contract; read as {getattr(made, each)}" for each in outside)
        return made

    @property
    def warnings(self) -> list[str]:
        """The members whose value is not in the contract, and how they were read."""
        return list(self._warnings)

    @property
    def is_ambient(self) -> bool:
        marked = self.payload.get("_ambient") is True or self.payload.get("ambient") is True
        return marked or (self.intent is RelayIntent.SHARE_UPDATE and self.priority is RelayPriority.LOW)

    @property
    def is_task(self) -> bool:
        """Whether it becomes a task of its recipient. Responses and ambient relays never do."""
        return self.intent in TASK_INTENTS and self.type is not RelayType.RESPONSE and not self.is_ambient

    @property
    def weight(self) -> RelayPriority:
        return self.priority or (RelayPriority.LOW if self.is_ambient else RelayPriority.NORMAL)

    @property
    def topic(self) -> str | None:
        found = (self.payload.get(name) for name in ("topic", "_topic"))
        return next((each for each in found if isinstance(each, str) and each), None)

    @property
    def title(self) -> str:
        return to_one_line(self.subject or "")

    @property
    def text(self) -> str:
        """The text of the payload that a person reads; empty if there is none."""
        found = (self.payload.get(name) for name in ("description", "body", "message"))
        return next((each for each in found if isinstance(each, str) and each.strip()), "")

    def attached(self) -> list[dict[str, Any]]:
        """Return the first ten attachments that have a URL, all with the same members."""
        given = self.attachments or self.payload.get("attachments")
        found = map(_attachment, given if isinstance(given, list) else [])
        return [each for each in found if each][:MOST_ATTACHMENTS]


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
    """A team and a project, if there are any."""

    team_id: Omittable[str] = None
    project_id: Omittable[str] = None


class RelayAnswer(Out):
    """The result of a relay: accepted, received before, or filtered out."""

    success: Literal[True]
    relay_id: Omittable[str] = Field(
        None, description="The id of the relay at this desk. A relay that was filtered out has none."
    )
    message: Omittable[str] = None
    thread_id: Omittable[str] = None
    parent_relay_id: str | None = None
    attachment_count: Omittable[int] = None
    scope_resolved: Omittable[ScopeOut] = None
    scope_dropped: Omittable[ScopeOut] = None
    task: Omittable[Literal[True]] = None
    card_id: Omittable[str] = None
    ambient: Omittable[Literal[True]] = None
    fallback: Omittable[Literal[True]] = Field(
        None, description="The addressee is not connected, so the relay went to the person who is."
    )
    duplicate: Omittable[Literal[True]] = None
    filtered: Omittable[Literal[True]] = None
    reason: Omittable[FilterReason] = None
    reason_detail: Omittable[str] = None
    warnings: Omittable[list[str]] = Field(
        None, description="The members whose value is not in the contract, and how each was read."
    )


def _final_status(value: Any) -> Any:
    return RelayStatus.COMPLETED if value == "accepted" else value


def _response(value: Any) -> Any:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise PydanticCustomError("payload", "Must not have NaN or infinite numbers") from None
    return value


class AckIn(OpenIn):
    """An acknowledgement of a relay that this desk sent."""

    model_config = ConfigDict(alias_generator=to_camel)

    relay_id: _Id | None = Field(None, description="The relay, by the id at this desk or at the sending desk.")
    peer_relay_id: _Id | None = Field(None, description="Like `relayId`, but preferred.")
    status: Annotated[RelayStatus, Field(strict=False), BeforeValidator(_final_status)] = Field(
        description="The status of the relay. `accepted` is read as `completed`."
    )
    response_payload: Annotated[Any, AfterValidator(_response)] = Field(None, description="The receiver's response.")
    subject: str | None = None
    metadata: dict[str, Any] | None = None

    @property
    def names(self) -> list[str]:
        """The ids that may name the relay, the most likely first."""
        invited = (self.metadata or {}).get("inviteId")
        given = [self.peer_relay_id, self.relay_id, invited if isinstance(invited, str) else None]
        return list(dict.fromkeys(each for each in given if each and len(each) <= 200))  # noqa: PLR2004 - as _Id


class AckAnswer(Out):
    """The status of the relay."""

    success: Literal[True]
    relay_id: str
    status: RelayStatus
