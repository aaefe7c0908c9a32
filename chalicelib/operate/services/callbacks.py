"""List callbacks to source systems."""

from datetime import timedelta

from chalicelib.core.domain.requests import RequestContext
from chalicelib.inbox.services.ports import Clicks
from chalicelib.operate.domain.callbacks import CLICK_DAYS, CallbackOut, CallbacksQuery, to_callback_response


def list_callbacks(query: CallbacksQuery, *, context: RequestContext, clicks: Clicks) -> list[CallbackOut]:
    """List the callbacks of one delivery, or of the last seven days, newest first.

    Store calls in sequence: 1 for one delivery, else 2.
    """
    if query.delivery_id is not None:
        found = sorted(clicks.list_of(query.delivery_id), key=lambda click: click.clicked_at, reverse=True)
    else:
        days = [context.now.date() - timedelta(days=number) for number in range(CLICK_DAYS)]
        found = list(clicks.list_recent(days, limit=query.limit))
    return [to_callback_response(each) for each in found[: query.limit]]
