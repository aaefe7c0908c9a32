"""What recipients do: list their deliveries and read one."""

from collections.abc import Sequence
from typing import Protocol

from chalicelib.domain.callers import ApiKey
from chalicelib.domain.deliveries import Delivery, DeliveryOut, ListedDelivery, Thread, listed, shown
from chalicelib.domain.errors import NotFound
from chalicelib.domain.fields import is_uuid
from chalicelib.domain.inbox import InboxQuery, Position


class Inbox(Protocol):
    def list_page(
        self, user_id: str, query: InboxQuery, after: Position | None
    ) -> tuple[Sequence[Delivery], Position | None]: ...
    def find(self, delivery_id: str) -> Thread | None: ...


def list_page(
    query: InboxQuery, after: Position | None, *, owner: ApiKey, inbox: Inbox
) -> tuple[list[ListedDelivery], Position | None]:
    """A page of the owner's deliveries, newest first, and where the next one starts. Store calls: 1, at most 4."""
    found, position = inbox.list_page(owner.user_id, query, after)
    return [ListedDelivery(**listed(delivery)) for delivery in found], position


def read(delivery_id: str, *, owner: ApiKey, inbox: Inbox) -> DeliveryOut:
    """One of the owner's deliveries, with its supplements. Store calls after authentication: 1.

    Raises:
        NotFound: there is no such delivery, it is held, or it is somebody else's.
    """
    thread = inbox.find(delivery_id.lower()) if is_uuid(delivery_id) else None
    if thread is None or thread.delivery.recipient_user_id != owner.user_id:
        raise NotFound("No such delivery.")
    return shown(thread)
