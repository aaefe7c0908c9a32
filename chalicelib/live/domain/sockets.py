"""Sockets: a person's open sockets, and what each has been told so far."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from pydantic import BaseModel

# What API Gateway grants a socket, and a little more for the sweep of what it left behind.
LIFETIME = timedelta(hours=2, minutes=5)
# By then a new one has been greeted. If not, nobody is there: the function that stored it ended before it had answered.
GREETED_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True)
class Socket:
    """An open socket of one person's key.

    Told so far are the frames after `told_from` up to `told_to`, and later ones that name it as one they were
    pushed to. Frames are pushed to it while it is `live`; before, they are its catch-up's to send. Times are in
    epoch seconds.
    """

    connection_id: str
    user_id: str
    key_id: str
    key_hash: str
    areas: frozenset[str]
    opened_at: int
    expires_at: int
    sent_after: int = 0
    sent_to: int = 0
    live: bool = False
    greeted: bool = False

    def is_expected(self, now: datetime) -> bool:
        """Whether somebody is there, or may be in a moment."""
        return self.greeted or now.timestamp() < self.opened_at + GREETED_WITHIN.total_seconds()

    def has_received(self, position: int) -> bool:
        """Whether it has been told the frame at this position, of those that do not name it."""
        return self.sent_after < position <= self.sent_to


class PostOutcome(Enum):
    """What came of sending a frame to a socket."""

    TAKEN = "taken"
    GONE = "gone"
    FAILED = "failed"


class CatchUpJob(BaseModel):
    """A socket that is to be told what comes after `after`: as it was opened, or because its client resumes."""

    user_id: str
    connection_id: str
    after: int
    resumes: bool = False
