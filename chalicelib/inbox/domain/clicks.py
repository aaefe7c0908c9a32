"""Clicks on action buttons, and the attempts to tell the source system of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from chalicelib.core.domain.fields import Omittable, Out, TimeOut, UuidOut
from chalicelib.core.domain.retries import Attempt, Outcome

_NAMESPACE = UUID("6f1d5c0e-2b7a-5c39-8c54-0a9d8e7b4c11")


def action_id(delivery_id: str, index: int, /) -> str:
    """The id of the click on this button of this delivery: the same on every device."""
    return str(uuid5(_NAMESPACE, f"action\n{delivery_id}\n{index}"))


@dataclass(frozen=True)
class Click:
    """The one click on a `webhook` button. `next_attempt_at` is None when no further attempt will be made."""

    delivery_id: str
    index: int
    user_id: str
    request_id: str
    clicked_at: str
    outcome: Outcome = Outcome.PENDING
    next_attempt_at: str | None = None
    attempts: Sequence[Attempt] = ()

    @property
    def action_id(self) -> str:
        return action_id(self.delivery_id, self.index)


class AttemptOut(Out):
    """One try to deliver a callback; `status` is null when no reply came."""

    at: TimeOut
    status: int | None
    error: str | None
    next_attempt_at: TimeOut | None


class ClickedOut(Out):
    """The click on a `webhook` button; clicking again, on whatever device, finds the same one."""

    action_id: UuidOut
    status: Outcome
    request_id: Omittable[str] = None


class LinkOut(Out):
    """Where a `url` button leads."""

    url: str
    request_id: Omittable[str] = None
