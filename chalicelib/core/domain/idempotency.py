"""Idempotency keys: a claim on one effect, and what was answered when it happened."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

KEPT_FOR = timedelta(hours=24)

# A reply as it is kept under an idempotency key: `status` and `body`.
StoredReply = dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """A call's right to happen once: who calls what under which key, with which body.

    `nonce` tells this call's own record from an earlier one's, should a retry below us meet it.
    """

    scope: str
    fingerprint: str
    nonce: str
    now: int
    expires_at: int


@dataclass(frozen=True)
class Answered:
    """What an earlier call under the same claim was answered."""

    fingerprint: str
    reply: dict[str, Any]


def kept(status: int, answer: BaseModel) -> dict[str, Any]:
    """What is kept of a small reply: all of it."""
    return {"status": status, "body": answer.model_dump(mode="json", by_alias=True, exclude_unset=True)}


class AlreadyAnswered(Exception):
    """Not a refusal: the effect has happened, and its reply is to be given again."""

    def __init__(self, answered: Answered) -> None:
        super().__init__("already answered")
        self.answered = answered
