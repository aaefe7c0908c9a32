"""Integrators' own deliveries: list what was sent."""

from typing import Protocol

from chalicelib.core.domain.callers import ToolsToken
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.domain.sent import SentDelivery, SentQuery, SentSelection, to_sent_delivery
from chalicelib.inbox.domain.sent_positions import SentPosition
from chalicelib.people.services.ports import People


class SentDeliveries(Protocol):
    def list_page(
        self, selection: SentSelection, after: SentPosition | None
    ) -> tuple[list[Delivery], SentPosition | None]: ...


def list_sent(
    query: SentQuery, after: SentPosition | None, *, caller: ToolsToken, sent: SentDeliveries, people: People
) -> tuple[list[SentDelivery], SentPosition | None]:
    """Return a page of what was sent, newest first, and the position where the next page starts.

    An admin tools token sees the deliveries of its integrator, another tools token those that it sent, and those of
    the personal tokens that it claimed.

    Store calls in sequence: 2, at most 5 with filters; 1 more with an address.
    """
    recipient_id = None
    if query.email is not None:
        recipient_id = people.find_user_ids([query.email.lower()]).get(query.email.lower())
        if recipient_id is None:
            return [], None
    selection = SentSelection(
        caller.integrator,
        query,
        tools_token_id=None if caller.admin else caller.token_id,
        recipient_id=recipient_id,
    )
    found, position = sent.list_page(selection, after)
    return [to_sent_delivery(each) for each in found], position
