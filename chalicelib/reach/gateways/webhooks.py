"""Send notifications to people's webhooks, signed as callbacks are (Standard Webhooks)."""

from datetime import datetime

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.signatures import signature_headers
from chalicelib.core.gateways import http
from chalicelib.inbox.domain.deliveries import DeliveryDetail
from chalicelib.reach.domain.channel_messages import item_link, webhook_body, webhook_test_body
from chalicelib.reach.domain.channels import Channel, Target
from chalicelib.settings import settings


def send_webhook(
    channel: Channel, target: Target, detail: DeliveryDetail | None, /, *, message_id: str, now: datetime
) -> HttpResult:
    """POST a delivery, or a test message, to a person's webhook. A message that is sent again has the same id."""
    if detail is None:
        body = webhook_test_body(channel, at=timestamp(now))
    else:
        link = item_link(settings().base_url, detail.delivery.delivery_id)
        body = webhook_body(detail, channel, link=link, now=now)
    assert target.secret is not None
    return http.post(target.url, body, signature_headers(message_id, body, at=now, secrets=[target.secret]))
