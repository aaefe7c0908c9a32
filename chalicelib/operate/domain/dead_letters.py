"""Dead letters: messages that workers failed to process, as administrators see them."""

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
    """A dead letter. `job` is the parsed body, with the length in place of each list or object."""

    queue: str
    message_id: str
    received: int
    first_received_at: str
    sent_at: str
    body: str
    job: dict[str, Any]
    attributes: dict[str, str]


class RedriveIn(In):
    """Selects the dead letters to send back: `messageIds`, or `all`."""

    message_ids: Omittable[Annotated[list[_MessageId], Field(min_length=1, max_length=100)]] = Field(
        None, alias="messageIds"
    )
    all: bool = False

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.all == (self.message_ids is not None):
            raise PydanticCustomError("which", "Send either messageIds or all")
        return self


class DeadLettersOut(Out):
    """The approximate number of dead letters of a queue."""

    queue: str
    count: int


class DeadLetterOut(Out):
    """A dead letter with its attempts, the reason for the last failure, and its job.

    `reason` is null if it is unknown, for example after a worker was terminated.
    """

    message_id: str
    received: int
    sent_at: TimeOut
    first_received_at: TimeOut
    reason: str | None
    failed_at: TimeOut | None
    job: dict[str, str | int | float | bool | None]


class RedrivenOut(Out):
    """The number of messages that were sent back, and the `messageIds` that were not found."""

    sent: int
    missing: list[str]
