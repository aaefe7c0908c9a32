"""Action buttons of deliveries: return a link, or record a click and queue its callback."""

from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import is_uuid, timestamp
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.domain.retries import GRACE
from chalicelib.core.ports import JobAnnouncer
from chalicelib.inbox.domain.callbacks import CallbackJob
from chalicelib.inbox.domain.clicks import Click, ClickedOut, LinkOut
from chalicelib.inbox.domain.events import ActionType
from chalicelib.inbox.services.ports import Clicks, Deliveries


def click_button(
    delivery_id: str,
    index: str,
    *,
    owner: ApiKey,
    context: RequestContext,
    deliveries: Deliveries,
    clicks: Clicks,
    queue: JobAnnouncer[CallbackJob],
) -> ClickedOut | LinkOut:
    """Click a button of one of the owner's deliveries. Repeated clicks, on any device, are one click.

    This sends no callback. It stores the click and announces it to the worker; if the announcement is lost, the click
    is found by its due time. Store and queue calls after authentication: 3 for the first click on a
    `webhook` button, else 1.

    Raises:
        NotFound: there is no such delivery or button, or the delivery is somebody else's.
    """
    detail = deliveries.find_buttons(delivery_id.lower()) if is_uuid(delivery_id) else None
    if detail is None or detail.delivery.recipient_user_id != owner.user_id:
        raise NotFound("Delivery not found.")
    buttons = {str(number): button for number, button in enumerate(detail.delivery.buttons)}
    if (button := buttons.get(index)) is None:
        raise NotFound("Button not found.")
    if button["action_type"] == ActionType.URL:
        return LinkOut(url=button["url"], request_id=context.request_id)
    click = detail.find_click(int(index))
    if click is None:
        at = timestamp(context.now)
        job = CallbackJob(delivery_id=detail.delivery.delivery_id, index=int(index))
        new = Click(
            job.delivery_id,
            job.index,
            owner.user_id,
            context.request_id,
            at,
            next_attempt_at=at,
            label=button["label"],
            event_type=detail.delivery.event_type,
        )
        click = clicks.add(new, detail.delivery, due_at=context.now + GRACE)
        queue.announce(job)
    return ClickedOut(action_id=click.action_id, status=click.outcome, request_id=context.request_id)
