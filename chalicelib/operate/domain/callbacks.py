"""Callbacks to source systems as administrators see them."""

from typing import Annotated

from pydantic import Field

from chalicelib.core.domain.fields import Clamped, Omittable, Out, Query, TimeOut, Uuid, UuidOut
from chalicelib.core.domain.retries import Outcome
from chalicelib.inbox.domain.clicks import AttemptOut, Click

MOST_CLICKS = 100
CLICK_DAYS = 7


class CallbacksQuery(Query):
    """Selects the callbacks of one delivery, or of the last seven days."""

    delivery_id: Omittable[Uuid] = Field(None, alias="deliveryId")
    limit: Annotated[int, Field(ge=1), Clamped(MOST_CLICKS)] = Field(
        50, description=f"The number of callbacks, up to {MOST_CLICKS}. Larger values count as {MOST_CLICKS}."
    )


class CallbackOut(Out):
    """A click on an action button, and every attempt to call back the source system."""

    action_id: UuidOut
    delivery_id: UuidOut
    index: int
    label: str | None = Field(description="The label of the button. Null for clicks of older versions.")
    event_type: str | None = Field(description="The event's type. Null for clicks of older versions.")
    user_id: UuidOut
    clicked_at: TimeOut
    outcome: Outcome
    next_attempt_at: TimeOut | None
    attempts: list[AttemptOut]


def to_callback_response(click: Click) -> CallbackOut:
    return CallbackOut(
        action_id=click.action_id,
        delivery_id=click.delivery_id,
        index=click.index,
        label=click.label,
        event_type=click.event_type,
        user_id=click.user_id,
        clicked_at=click.clicked_at,
        outcome=click.outcome,
        next_attempt_at=click.next_attempt_at,
        attempts=[AttemptOut(**vars(each)) for each in click.attempts],
    )
