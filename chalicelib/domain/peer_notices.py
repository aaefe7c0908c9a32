"""Notices to connected desks, such as that a request was accepted. Stored first, sent later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.domain.clicks import Attempt, Outcome
from chalicelib.domain.fields import Out, timestamp
from chalicelib.domain.peering import ACCEPT_PATH, Peering


class NoticeKind(StrEnum):
    """What a connected desk is told."""

    ACCEPTED = "accepted"

    @property
    def path(self) -> str:
        return ACCEPT_PATH


class NoticeJob(Out):
    """The queue's message: this notice has an attempt due."""

    connection_id: str
    notice_id: str


@dataclass(frozen=True)
class Notice:
    """A notice over one connection; `body` is what it says. There is one of each id, however often it comes about."""

    connection_id: str
    notice_id: str
    kind: NoticeKind
    body: Mapping[str, Any]
    created_at: str
    outcome: Outcome = Outcome.PENDING
    next_attempt_at: str | None = None
    attempts: Sequence[Attempt] = ()

    @property
    def job(self) -> NoticeJob:
        return NoticeJob(connection_id=self.connection_id, notice_id=self.notice_id)


def accepted(peering: Peering, *, now: datetime) -> Notice:
    """The notice that a request of the peer's was accepted; where we are reached is added when it is sent."""
    at = timestamp(now)
    body = {
        "connectionId": peering.connection_id,
        "remoteConnectionId": peering.peer_connection_id,
        "acceptedByEmail": peering.user_email,
        "acceptedByName": peering.user_name,
    }
    return Notice(peering.connection_id, NoticeKind.ACCEPTED.value, NoticeKind.ACCEPTED, body, at, next_attempt_at=at)
