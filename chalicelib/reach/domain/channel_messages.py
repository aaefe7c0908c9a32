"""What a channel is sent: the notification as its recipient may see it, or a test message."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.core.domain.severity import Severity
from chalicelib.inbox.domain.deliveries import DeliveryDetail
from chalicelib.inbox.domain.inbox import to_inbox_delivery
from chalicelib.reach.domain.channels import Channel

# Of a chat message, whatever its service takes; people read the rest in their inbox.
LONGEST_TITLE = 200
LONGEST_TEXT = 1_000
_TEST_TITLE = "Fluxden: test message · 测试消息"
_TEST_TEXT = "This channel can receive your notifications.\n此渠道可以接收您的通知。"


@dataclass(frozen=True)
class Notice:
    """A notification as a chat service shows it: title, text, and where it is read."""

    title: str
    text: str
    link: str
    severity: str = Severity.INFO.value


def item_link(base_url: str, delivery_id: str) -> str:
    """Return the address of a delivery in the console; empty if this desk has no URL."""
    return f"{base_url}/#/inbox/{delivery_id}" if base_url else ""


def webhook_body(detail: DeliveryDetail, channel: Channel, *, link: str, now: datetime) -> bytes:
    """Return the body of a webhook's request: the delivery as `GET /api/v1/inbox/{id}` shows it."""
    shown = to_inbox_delivery(detail, now=now).model_dump(mode="json", by_alias=True, exclude_unset=True)
    data = {"channelId": channel.channel_id, "delivery": shown} | ({"link": link} if link else {})
    return _envelope("notification.received", detail.delivery.created_at, data)


def webhook_test_body(channel: Channel, *, at: str) -> bytes:
    """Return the body of a webhook's test message."""
    return _envelope("channel.test", at, {"channelId": channel.channel_id, "label": channel.label})


def to_notice(detail: DeliveryDetail, *, link: str) -> Notice:
    """Return what a chat service shows of a delivery: no more than its list entry, and a link to it."""
    delivery = detail.delivery
    return Notice(
        _cut(delivery.title, LONGEST_TITLE), _cut(delivery.summary or "", LONGEST_TEXT), link, delivery.severity
    )


def notice_of_test(*, link: str) -> Notice:
    """Return the test message of a chat service, in both languages of the console."""
    return Notice(_TEST_TITLE, _TEST_TEXT, link)


def _envelope(kind: str, at: str, data: dict[str, Any]) -> bytes:
    message = {"type": kind, "timestamp": at, "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
