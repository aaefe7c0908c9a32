"""Frames that clients send over an open socket."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from chalicelib.chat.domain.chat import Content, Metadata
from chalicelib.core.domain.fields import In, Omittable
from chalicelib.live.domain.frames import ID_PATTERN


class Ping(In):
    """Asks for a heartbeat. A browser says whether its tab is `visible`."""

    action: Literal["ping"]
    visible: Omittable[bool] = None


class Send(In):
    """Says something in the shared chat."""

    action: Literal["send"]
    content: Content
    metadata: Omittable[Metadata] = None


class Resume(In):
    """Asks for what came after the frame with this id again; `0` for everything that is kept."""

    action: Literal["resume"]
    after: Annotated[str, Field(pattern=rf"^({ID_PATTERN.pattern})$")]


ClientFrame: TypeAdapter[Ping | Send | Resume] = TypeAdapter(
    Annotated[Ping | Send | Resume, Field(discriminator="action")]
)
