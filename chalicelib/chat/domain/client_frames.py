"""Frames that clients send over an open socket."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from chalicelib.chat.domain.chat import Content, Metadata
from chalicelib.core.domain.fields import In, Omittable


class Ping(In):
    """Asks for a heartbeat."""

    action: Literal["ping"]


class Send(In):
    """Says something in the shared chat."""

    action: Literal["send"]
    content: Content
    metadata: Omittable[Metadata] = None


class Resume(In):
    """Asks to be told again what came after the frame with this id."""

    action: Literal["resume"]
    after: Annotated[str, Field(pattern=r"^[0-9]{16}$")]


ClientFrame: TypeAdapter[Ping | Send | Resume] = TypeAdapter(
    Annotated[Ping | Send | Resume, Field(discriminator="action")]
)
