"""What recipients do with buttons: follow a link, or click, which calls the source system back."""

from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import is_uuid, timestamp
from chalicelib.core.domain.retries import GRACE
from chalicelib.core.ports import JobAnnouncer
from chalicelib.inbox.domain.callbacks import CallbackJob
from chalicelib.inbox.domain.clicks import Click, ClickedOut, LinkOut
from chalicelib.inbox.domain.events import ActionType
from chalicelib.inbox.services.ports import Clicks, Deliveries


def click(
    delivery_id: str,
    index: str,
    *,
    owner: ApiKey,
    call: Call,
    deliveries: Deliveries,
    clicks: Clicks,
    queue: JobAnnouncer[CallbackJob],
) -> ClickedOut | LinkOut:
    """Click a button of one of the owner's deliveries; once, however often and from wherever it is clicked.

    Nothing is sent from here: the click is stored, then announced to the worker, and found by its due time
    should the announcement get lost. Store and queue calls after authentication: 3 for the first click on a
    `webhook` button, else 1.

    Raises:
        NotFound: there is no such delivery or button, or it is somebody else's.
    """
    detail = deliveries.find_buttons(delivery_id.lower()) if is_uuid(delivery_id) else None
    if detail is None or detail.delivery.recipient_user_id != owner.user_id:
        raise NotFound("No such delivery.")
    buttons = {str(number): button for number, button in enumerate(detail.delivery.buttons)}
    if (button := buttons.get(index)) is None:
        raise NotFound("The delivery has no such button.")
    if button["action_type"] == ActionType.URL:
        return LinkOut(url=button["url"], request_id=call.request_id)
    clicked = detail.find_click(int(index))
    if clicked is None:
        at = timestamp(call.now)
        job = CallbackJob(delivery_id=detail.delivery.delivery_id, index=int(index))
        first = Click(job.delivery_id, job.index, owner.user_id, call.request_id, at, next_attempt_at=at)
        clicked = clicks.add(first, due_at=call.now + GRACE)
        queue.announce(job)
    return ClickedOut(action_id=clicked.action_id, status=clicked.outcome, request_id=call.request_id)
