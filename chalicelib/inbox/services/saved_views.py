"""Read and replace a person's saved views of the inbox."""

from collections.abc import Sequence
from typing import Any, Protocol

from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.domain.requests import RequestContext
from chalicelib.inbox.domain.inbox import InboxFilter
from chalicelib.inbox.domain.saved_views import SavedView, SavedViewsIn, SavedViewsOut, to_response


class SavedViews(Protocol):
    def find(self, user_id: str) -> tuple[Sequence[SavedView], int]: ...
    def save(
        self,
        user_id: str,
        views: Sequence[SavedView],
        *,
        seen: int,
        claim: Claim | None,
        reply: dict[str, Any],
    ) -> bool: ...


class UnreadCounts(Protocol):
    def count_unread(self, user_id: str, filters: Sequence[InboxFilter]) -> Sequence[int]: ...


def read_views(*, owner: ApiKey, context: RequestContext, views: SavedViews, inbox: UnreadCounts) -> SavedViewsOut:
    """Return the owner's views, each with its number of unread deliveries.

    Store calls in sequence: 1, and 1 more if there are views; 1 more if one of these has words or a label.
    """
    stored, version = views.find(owner.user_id)
    return to_response(stored, _count(stored, owner, context, inbox), version)


def replace_views(
    wanted: SavedViewsIn, *, owner: ApiKey, context: RequestContext, views: SavedViews, inbox: UnreadCounts
) -> SavedViewsOut:
    """Replace all of the owner's views. Store calls as for reading them.

    Raises:
        Conflict: they have changed since the caller read them.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    counts = _count(wanted.views, owner, context, inbox)
    response = to_response(wanted.views, counts, wanted.version + 1)
    reply = response.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if not views.save(owner.user_id, wanted.views, seen=wanted.version, claim=context.claim, reply=reply):
        raise Conflict("Your views have changed since you read them. Read them again.")
    return response


def _count(views: Sequence[SavedView], owner: ApiKey, context: RequestContext, inbox: UnreadCounts) -> list[int]:
    counted = [each for each in views if each.filter.has_unread]
    filters = [each.filter.unread(now=context.now) for each in counted]
    counts = dict(zip(map(id, counted), inbox.count_unread(owner.user_id, filters) if filters else (), strict=True))
    return [counts.get(id(each), 0) for each in views]
