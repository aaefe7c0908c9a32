"""Jobs of the channels: one message of a queue reaches one person about one delivery, or by one digest."""

from typing import Self
from uuid import UUID, uuid5

from chalicelib.core.domain.fields import Out, UuidOut

_NAMESPACE = UUID("c1c7a2c0-7d0f-5c0e-8a52-2f8f3a4f9d10")


class EmailJob(Out):
    """A queue message: send this person an e-mail about a delivery, or with a digest, or a test message if neither.

    `digest` is the id of a stored digest.
    """

    user_id: str
    message_id: UuidOut
    delivery_id: str | None = None
    digest: str | None = None

    @classmethod
    def of_digest(cls, user_id: str, digest_id: str) -> Self:
        return cls(user_id=user_id, message_id=derive_message_id(digest_id, "email"), digest=digest_id)


class ChannelJob(Out):
    """A queue message: tell one channel of this person about a delivery, or send it a test message if it names none.

    `attempt` counts the attempts of this message, and the one that this job is for is not due before `due_at`.
    """

    user_id: str
    channel_id: str
    message_id: UuidOut
    delivery_id: str | None = None
    attempt: int = 1
    due_at: str | None = None


def derive_message_id(reach_id: str, channel: str) -> str:
    """Return the id of what a channel sends for a `ReachJob`; the same job always has the same one for a channel."""
    return str(uuid5(_NAMESPACE, f"{reach_id}\n{channel}"))
