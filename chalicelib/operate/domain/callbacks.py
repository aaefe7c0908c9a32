"""Callbacks to source systems as administrators see them."""

from typing import Annotated

from pydantic import AfterValidator, Field

from chalicelib.core.domain.fields import Omittable, Out, Query, TimeOut, Uuid, UuidOut
from chalicelib.core.domain.retries import Outcome
from chalicelib.inbox.domain.clicks import AttemptOut, Click

MOST_CLICKS = 100
CLICK_DAYS = 7


class CallbacksQuery(Query):
    """Which callbacks: one delivery's, or the last of seven days."""

    delivery_id: Omittable[Uuid] = Field(None, alias="deliveryId")
    limit: Annotated[int, Field(ge=1), AfterValidator(lambda limit: min(limit, MOST_CLICKS))] = Field(
        50, description=f"At most {MOST_CLICKS}; more is read as {MOST_CLICKS}."
    )


class CallbackOut(Out):
    """A click on a button, and every attempt to tell the source system of it."""

    action_id: UuidOut
    delivery_id: UuidOut
    index: int
    user_id: UuidOut
    clicked_at: TimeOut
    outcome: Outcome
    next_attempt_at: TimeOut | None
    attempts: list[AttemptOut]


def callback_out(click: Click) -> CallbackOut:
    return CallbackOut(
        action_id=click.action_id,
        delivery_id=click.delivery_id,
        index=click.index,
        user_id=click.user_id,
        clicked_at=click.clicked_at,
        outcome=click.outcome,
        next_attempt_at=click.next_attempt_at,
        attempts=[AttemptOut(**vars(each)) for each in click.attempts],
    )
