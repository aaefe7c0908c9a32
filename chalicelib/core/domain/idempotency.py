"""Idempotency keys: claims, and the replies that are stored under them."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from chalicelib import retention

REPLY_LIFETIME = retention.REPLIES.kept

# A reply as it is stored under an idempotency key: `status` and `body`.
StoredReply = dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """A caller's claim to have an operation done once under a key.

    `scope` identifies caller, operation, path and key; `fingerprint` the body and query. `nonce` identifies this
    request, so that a retried write recognises its own record. `now` and `expires_at` are in epoch seconds. The reply
    belongs to the person `user_id`, if a person calls.
    """

    scope: str
    fingerprint: str
    nonce: str
    now: int
    expires_at: int
    user_id: str | None = None


@dataclass(frozen=True)
class ReplyRecord:
    """The stored reply to an earlier call under the same claim."""

    fingerprint: str
    reply: dict[str, Any]


def to_stored_reply(status: int, answer: BaseModel) -> dict[str, Any]:
    """Convert a reply to the form in which it is stored whole."""
    return {"status": status, "body": answer.model_dump(mode="json", by_alias=True, exclude_unset=True)}


class AlreadyAnswered(Exception):
    """Raised when an earlier call under the claim had its effect; the request gets the stored reply. Not a refusal."""

    def __init__(self, answered: ReplyRecord) -> None:
        super().__init__("already answered")
        self.answered = answered
