"""Messages that no worker could deal with, as operators see them."""

from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import In, Omittable, Out, TimeOut

MOST_LISTED = 100
MOST_REDRIVEN = 500


_MessageId = Annotated[str, Field(min_length=1, max_length=100)]


@dataclass(frozen=True)
class DeadLetter:
    """One dead letter; `job` is what its body names, without what may be long."""

    queue: str
    message_id: str
    received: int
    first_received_at: str
    sent_at: str
    body: str
    job: dict[str, Any]
    attributes: dict[str, str]


class RedriveIn(In):
    """Which dead letters to send back: those named, or all."""

    message_ids: Omittable[Annotated[list[_MessageId], Field(min_length=1, max_length=100)]] = Field(
        None, alias="messageIds"
    )
    all: bool = False

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.all == (self.message_ids is not None):
            raise PydanticCustomError("which", "Either messageIds or all is required")
        return self


class DeadLettersOut(Out):
    """How many dead letters a queue has, about."""

    queue: str
    count: int


class DeadLetterOut(Out):
    """A dead letter: when it was sent, how often it was tried, why it last failed, and what it was about.

    `reason` is null where it is not known, such as after a worker was ended in the middle.
    """

    message_id: str
    received: int
    sent_at: TimeOut
    first_received_at: TimeOut
    reason: str | None
    failed_at: TimeOut | None
    job: dict[str, str | int | float | bool | None]


class RedrivenOut(Out):
    """How many were sent back, and which of those named were not found."""

    sent: int
    missing: list[str]
