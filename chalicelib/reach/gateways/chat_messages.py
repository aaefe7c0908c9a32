"""What a person's chat service is sent: title, summary and a link, or a test message."""

from datetime import datetime

from chalicelib.core.domain.http_results import HttpResult
from chalicelib.inbox.domain.deliveries import DeliveryDetail
from chalicelib.reach.domain.channel_messages import item_link, notice_of_test, to_notice
from chalicelib.reach.domain.channels import Channel, Target
from chalicelib.settings import settings


def send_to_service(
    channel: Channel,  # noqa: ARG001 - what a transport gets
    target: Target,
    detail: DeliveryDetail | None,
    /,
    *,
    message_id: str,  # noqa: ARG001
    now: datetime,  # noqa: ARG001
) -> HttpResult:
    """Send a delivery, or a test message, to a chat service. Services know no ids, so a repeat is shown twice."""
    # Loaded by the first message, since only this worker and the check of a new channel need Apprise.
    from chalicelib.reach.gateways.chat import send_chat

    base_url = settings().base_url
    if detail is None:
        return send_chat(target.url, notice_of_test(link=base_url))
    return send_chat(target.url, to_notice(detail, link=item_link(base_url, detail.delivery.delivery_id)))
