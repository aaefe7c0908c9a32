"""The shared chat of a person and their agents."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import (
    Clamped,
    Filter,
    Headers,
    Line,
    Omittable,
    OpenIn,
    Out,
    Query,
    TimeOut,
    not_blank,
    timestamp,
)
from chalicelib.live.domain.frames import FrameType, LiveEvent

LONGEST_CONTENT = 10_000
_FEDERATION = "federation"
_LARGEST_METADATA = 65_536
_MOST_MESSAGES = 200


class Role(StrEnum):
    """Who wrote a message."""

    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"


@dataclass(frozen=True)
class Message:
    """One message of a person's chat. `message_id` sorts by time; `metadata` is an object, as JSON."""

    message_id: str
    user_id: str
    role: Role
    content: str
    agent_name: str | None
    metadata: str | None
    created_at: str

    @property
    def live_event(self) -> LiveEvent:
        """The event that tells open sockets of the message."""
        shown = {"id": self.message_id, "role": self.role.value, "content": self.content}
        named = {"agentName": self.agent_name} if self.agent_name else {}
        message = {**shown, **named, **self.origin_marks, "createdAt": self.created_at}
        return LiveEvent(FrameType.NEW_MESSAGE, {"message": message})

    @property
    def origin_marks(self) -> dict[str, Any]:
        """`source`, `origin` and `verified` of a message with text of another desk."""
        metadata = json.loads(self.metadata) if self.metadata else {}
        # Metadata of messages that people and agents send may claim anything.
        if metadata.get("source") != _FEDERATION or self.role is Role.USER or "sentViaApi" in metadata:
            return {}
        return {name: metadata[name] for name in ("source", "origin", "verified") if name in metadata}


def _small(metadata: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(metadata)) > _LARGEST_METADATA:
        raise PydanticCustomError("too_large", "Must have at most 65,536 characters as JSON")
    return metadata


Content = Annotated[str, Field(min_length=1, max_length=LONGEST_CONTENT), AfterValidator(not_blank)]
Metadata = Annotated[dict[str, Any], AfterValidator(_small)]


class MessageIn(OpenIn):
    """Something to say. Space around it is dropped."""

    content: Content
    metadata: Omittable[Metadata] = Field(None, description="Anything that is worth keeping with the message.")
    role: Literal["assistant", "user"] = Field(
        "assistant", description="`user` when it is the person who speaks, such as from a console of theirs."
    )


class AgentHeaders(Headers):
    """Who is speaking or listening."""

    agent_name: Omittable[Annotated[Line, Field(min_length=1, max_length=100)]] = Field(
        None, alias="X-Agent-Name", description="What to call the agent; its key's name when left out."
    )


class MessagesQuery(Query):
    """A page of messages, from the newest backwards."""

    limit: Annotated[int, Field(ge=1), Clamped(_MOST_MESSAGES)] = Field(
        50, description="At most 200; more is read as 200."
    )
    cursor: Omittable[str] = Field(None, description="`cursor` of the page before: continues further into the past.")
    role: Omittable[Annotated[str, Filter(Role)]] = Field(
        None, description="user, assistant or system; there are no messages of any other."
    )


class SentOut(Out):
    """A message as it was stored."""

    id: str
    role: Role
    content: str
    agent_name: Omittable[str] = None
    created_at: TimeOut


class MessageOut(SentOut):
    """A message of the chat; `metadata` is an object, as JSON."""

    user_id: str
    metadata: str | None
    cleared_at: TimeOut | None = None


class MessagePagination(Out):
    """Where a page ends: pass `cursor` on for the one before it in time. A page of very long messages has fewer."""

    limit: int
    cursor: str | None
    has_more: bool


class MessagesOut(Out):
    """Messages in the order they were written."""

    messages: list[MessageOut]
    pagination: MessagePagination


def new_message(
    request: MessageIn, *, message_id: str, user_id: str, agent_name: str, agent_key_id: str, now: datetime
) -> Message:
    """Return a new message of a key's bearer, as the person or as the agent of this name."""
    role, metadata = Role(request.role), dict(request.metadata or {})
    if role is Role.ASSISTANT:
        metadata |= {"agentName": agent_name, "agentKeyId": agent_key_id, "sentViaApi": True}
    return Message(
        message_id=message_id,
        user_id=user_id,
        role=role,
        content=request.content.strip(),
        agent_name=agent_name if role is Role.ASSISTANT else None,
        metadata=json.dumps(metadata, ensure_ascii=False) if metadata else None,
        created_at=timestamp(now),
    )


def new_remote_message(
    content: str, *, author: str, message_id: str, user_id: str, metadata: dict[str, Any], now: datetime
) -> Message:
    """Return a new message with text of another system, which never speaks as the desk; long content is cut."""
    made = new_system_message(content, message_id=message_id, user_id=user_id, metadata=metadata, now=now)
    return replace(made, role=Role.ASSISTANT, agent_name=author)


def new_system_message(
    content: str, *, message_id: str, user_id: str, metadata: dict[str, Any], now: datetime
) -> Message:
    """Return a new message of the desk itself; content that is too long is cut."""
    if len(content) > LONGEST_CONTENT:
        content = f"{content[: LONGEST_CONTENT - 1]}…"
    about = json.dumps(metadata, ensure_ascii=False)
    return Message(message_id, user_id, Role.SYSTEM, content, None, about, timestamp(now))


def to_sent_response(message: Message) -> SentOut:
    return SentOut(**_shared_fields(message))


def to_response(message: Message) -> MessageOut:
    return MessageOut(**_shared_fields(message), user_id=message.user_id, metadata=message.metadata, cleared_at=None)


def _shared_fields(message: Message) -> dict[str, Any]:
    shown = {
        "id": message.message_id,
        "role": message.role,
        "content": message.content,
        "created_at": message.created_at,
    }
    return shown | ({"agent_name": message.agent_name} if message.agent_name else {})
