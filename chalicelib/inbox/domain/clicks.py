"""Clicks on action buttons, and their responses."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from chalicelib.core.domain.fields import Omittable, Out, TimeOut, UuidOut
from chalicelib.core.domain.retries import Attempt, Outcome

_NAMESPACE = UUID("6f1d5c0e-2b7a-5c39-8c54-0a9d8e7b4c11")


def derive_action_id(delivery_id: str, index: int, /) -> str:
    """Derive the id of the click on a button of a delivery: the same on every device."""
    return str(uuid5(_NAMESPACE, f"action\n{delivery_id}\n{index}"))


@dataclass(frozen=True)
class Click:
    """The click on a `webhook` button; there is at most one. `next_attempt_at` is None after the last attempt.

    `label` and `event_type` say what was clicked; older rows lack them.
    """

    delivery_id: str
    index: int
    user_id: str
    request_id: str
    clicked_at: str
    outcome: Outcome = Outcome.PENDING
    next_attempt_at: str | None = None
    attempts: Sequence[Attempt] = ()
    label: str | None = None
    event_type: str | None = None

    @property
    def action_id(self) -> str:
        return derive_action_id(self.delivery_id, self.index)


class AttemptOut(Out):
    """One attempt to deliver a callback. `status` is null if there was no response."""

    at: TimeOut
    status: int | None
    error: str | None
    next_attempt_at: TimeOut | None


class ClickedOut(Out):
    """The click on a `webhook` button. Clicking again, on any device, returns the same click."""

    action_id: UuidOut
    status: Outcome
    request_id: Omittable[str] = None


class LinkOut(Out):
    """The link that a `url` button opens."""

    url: str
    request_id: Omittable[str] = None
