"""Open WebSockets: whose they are, and how far each has been sent its person's log."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from pydantic import BaseModel, ConfigDict, RootModel

from chalicelib.ids import PresentedToken, key_from_hash, session_from_hash

# The longest life of a socket at API Gateway, with a margin.
LIFETIME = timedelta(hours=2, minutes=5)
# A new socket is greeted within this time. If not, the function that stored it ended before it answered.
GREETED_WITHIN = timedelta(minutes=1)
HEARTBEAT_SECONDS = 30
# A browser says at least every minute whether its tab is visible. One that falls silent, such as on a laptop that was
# closed, stops counting after this time.
_VIEWED_FOR = timedelta(minutes=2)


@dataclass(frozen=True)
class Socket:
    """An open socket of one person's key, or with `by_session` of their session.

    It has received the frames after `sent_after` up to `sent_to`, and later ones that name it in `pushed_to`. Writers
    push frames to it while it is `live`; before that, its catch-up sends them. Times are in epoch seconds. A person
    looks at a socket that a browser opened (`by_browser`) until `viewed_until`; other sockets may be an agent's.
    Messages that come over it are from `agent_name`; a socket of an older release has none. `host` is the endpoint of
    the process that holds it, where several can.
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
    by_browser: bool = True
    agent_name: str = ""
    by_session: bool = False
    host: str = ""
    viewed_until: int = 0

    @property
    def token(self) -> PresentedToken:
        """The key or session that it was opened with."""
        return (session_from_hash if self.by_session else key_from_hash)(self.key_hash)

    def is_viewed(self, now: datetime) -> bool:
        """Whether a person looks at it: its browser has said so lately."""
        return self.by_browser and now.timestamp() < self.viewed_until

    def with_visibility(self, *, visible: bool, now: datetime) -> "Socket":
        """Return the socket as its browser shows it; it is the same where that was said a moment ago."""
        if not self.by_browser:
            return self
        if not visible:
            return replace(self, viewed_until=0)
        until = int((now + _VIEWED_FOR).timestamp())
        return replace(self, viewed_until=until) if self.viewed_until < until - _VIEWED_FOR.seconds // 2 else self

    def is_expected(self, now: datetime) -> bool:
        """Whether a client is connected, or may be in a moment."""
        return self.greeted or now.timestamp() < self.opened_at + GREETED_WITHIN.total_seconds()

    def has_received(self, position: int) -> bool:
        """Whether it has received the frame at this position, if that frame does not name it."""
        return self.sent_after < position <= self.sent_to


class PostOutcome(Enum):
    """The result of posting a frame to a socket."""

    TAKEN = "taken"
    GONE = "gone"
    FAILED = "failed"


class HeartbeatJob(BaseModel):
    """A queue message: send a heartbeat to every open socket of these people. `due_at` is RFC 3339."""

    model_config = ConfigDict(defer_build=True, hide_input_in_errors=True)

    user_ids: list[str]
    due_at: str


class CatchUpJob(BaseModel):
    """A queue message: send this socket the frames after `after`, since it is new or since its client resumes."""

    model_config = ConfigDict(defer_build=True, hide_input_in_errors=True)

    user_id: str
    connection_id: str
    after: int
    resumes: bool = False


class FrameJob(BaseModel):
    """A queue message: push the frames from position `first` to `last` to these sockets of a person."""

    model_config = ConfigDict(defer_build=True, hide_input_in_errors=True)

    user_id: str
    connection_ids: list[str]
    first: int
    last: int


class SocketJob(RootModel[CatchUpJob | HeartbeatJob | FrameJob]):
    """Any message of the queue `socket-work`."""

    model_config = ConfigDict(defer_build=True, hide_input_in_errors=True)
