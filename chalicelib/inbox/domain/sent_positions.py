"""The order of what an integrator has sent, the partitions it is spread over, and the labels it is found by."""

from datetime import datetime, timedelta
from typing import NamedTuple

from chalicelib.core.domain.fields import timestamp
from chalicelib.inbox.domain.deliveries import Delivery, RecordedDelivery

# An integrator's deliveries are spread over this many partitions of the index, because each takes a thousand writes a
# second. A page reads all of them at the same time.
SHARDS = 8
# A repeat of an event writes its labels again within this time, since the first call may have ended before it did.
LABELS_REPEATED_FOR = timedelta(minutes=15)


class SentPosition(NamedTuple):
    """A delivery's position in the order of what was sent: the time it was stored, then its id."""

    sent_at: str
    delivery_id: str

    @classmethod
    def of(cls, delivery: Delivery) -> "SentPosition":
        """Return the position of a delivery. A bulk delivery is stored a little after its call."""
        return cls(delivery.sent_at or delivery.created_at, delivery.delivery_id)


def shard_of(delivery_id: str) -> int:
    """Return the partition of a delivery. Its id ends with a hash of the recipient, so a bulk call uses all of them."""
    return int(delivery_id[-1], 16) % SHARDS


def label_texts(delivery: Delivery) -> list[str]:
    """Return the delivery's labels as they are searched for: `key:value`."""
    labels: dict[str, str] = delivery.content.get("labels") or {}
    return [f"{name}:{text}" for name, text in labels.items()]


def owes_labels(recorded: RecordedDelivery, *, now: datetime) -> bool:
    """Whether this send has to store the delivery's labels: the first does, and repeats soon after it."""
    position = SentPosition.of(recorded.delivery)
    is_young = recorded.is_new or position.sent_at > timestamp(now - LABELS_REPEATED_FOR)
    return is_young and bool(recorded.delivery.content.get("labels"))
