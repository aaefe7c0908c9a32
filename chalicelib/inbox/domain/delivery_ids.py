"""Delivery ids: derived from the event and its recipient, so that sending an event again finds the same delivery."""

from hashlib import sha256

_EVENT_PART_LENGTH = 23  # characters of a delivery id that identify the event; the recipient's follow


def derive_delivery_id(integrator: str, recipient_id: str, event_id: str, /) -> str:
    """Derive the id of an event's delivery to one recipient.

    A UUID of version 8 (RFC 9562): 74 bits of a hash of the event, then 48 of a hash of the recipient. All
    deliveries of one event therefore begin with the same characters (see `event_part`).
    """
    event = int.from_bytes(sha256(f"event\n{integrator}\n{event_id}".encode()).digest()[:10]) >> 6
    person = int.from_bytes(sha256(f"recipient\n{recipient_id}".encode()).digest()[:6])
    high, middle, low = event >> 26, (event >> 14) & 0xFFF, event & 0x3FFF
    text = f"{high << 80 | 8 << 76 | middle << 64 | 2 << 62 | low << 48 | person:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def derive_held_delivery_id(integrator: str, sender_id: str, event_id: str, /) -> str:
    """Derive the id of an event that waits for a moderator. It differs from the ids of delivered events."""
    return derive_delivery_id(integrator, f"held by {sender_id}", event_id)


def event_part(delivery_id: str, /) -> str:
    """Return the beginning that the ids of all deliveries of one event share."""
    return delivery_id[:_EVENT_PART_LENGTH]
