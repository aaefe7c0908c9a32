"""Deactivate an employee: end every access that the person has, at once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.ports import SocketCloser
from chalicelib.ids import TokenKind
from chalicelib.live.domain.push import Subscription
from chalicelib.people.services.ports import Employees
from chalicelib.tokens.domain.sessions import SessionState
from chalicelib.tokens.services.ports import Grants

# The numbers of an `EndedAccess`, in its order.
Ended = tuple[int, int, int, int, int]


class OpenSessions(Protocol):
    """Ends sessions, and sign-in links that were not used yet."""

    def list_of(self, user_id: str, *, now: datetime) -> list[SessionState]: ...
    def end(self, session_id: str, *, user_id: str) -> bool: ...
    def end_codes(self, user_id: str) -> int: ...


class Streams(Protocol):
    """Ends the event streams that a person holds open."""

    def end_streams(self, user_id: str, *, now: datetime) -> None: ...


class Browsers(Protocol):
    """Keeps the browsers that are subscribed to a person's notifications."""

    def list_subscriptions(self, user_id: str) -> list[Subscription]: ...
    def remove(self, user_id: str, subscription_id: str, *, claim: None) -> bool: ...


@dataclass(frozen=True)
class EndedAccess:
    """The tokens and keys that a deactivation disabled, and what it ended.

    Tools tokens belong to integrators and keep working.
    """

    personal_tokens: int = 0
    keys: int = 0
    sessions: int = 0
    sign_in_links: int = 0
    browsers: int = 0
    tools_tokens_left: Sequence[str] = ()


@dataclass(frozen=True)
class Deactivation:
    """Ends a person's access. The command line, the API and directories all use this one."""

    people: Employees
    grants: Grants
    sessions: OpenSessions
    browsers: Browsers
    closer: SocketCloser
    streams: Streams
    settle: Callable[[], None]

    def run(self, user_id: str, *, now: datetime, while_operator: str | None = None) -> EndedAccess:
        """Deactivate an employee, disable their personal tokens and keys, and end everything else that is open.

        Sessions, unused sign-in links, sockets, event streams and browser notifications end. The person is deactivated
        first, so nothing new can begin. All is then gone through twice, with `settle` in between, because indexes may
        lag. Running it again is safe, and ends whatever was enabled since. Nothing that ended comes back when the
        person is activated again. Without `while_operator` the last operator can be deactivated too, since people who
        leave must lose their access.

        Raises:
            NotFound: there is no such employee.
            Conflict: the employee is the last active operator, and `while_operator`, who asks for it, is given.
        """
        ended = self.start(user_id, now=now, while_operator=while_operator)
        ended = _sum(ended, self.finish([user_id], now=now))
        left = [
            each.token_id
            for each in self.grants.list_tools()
            if each.user_id == user_id and each.status is TokenStatus.ACTIVE
        ]
        return EndedAccess(*ended, tools_tokens_left=left)

    def start(self, user_id: str, *, now: datetime, while_operator: str | None = None) -> Ended:
        """Deactivate an employee, and end the access that is known. It takes `finish` to end all of it. See `run`.

        Raises:
            NotFound, Conflict: see `run`.
        """
        self.people.set_active(user_id, active=False, while_operator=while_operator)
        return self._sweep(user_id, now)

    def finish(self, user_ids: Iterable[str], *, now: datetime) -> Ended:
        """End the access that indexes showed too late when the deactivation of these employees started."""
        self.settle()
        ended: Ended = (0, 0, 0, 0, 0)
        for user_id in user_ids:
            ended = _sum(ended, self._sweep(user_id, now))
        return ended

    def _sweep(self, user_id: str, now: datetime) -> Ended:
        sessions = sum(
            self.sessions.end(each.session_id, user_id=user_id) for each in self.sessions.list_of(user_id, now=now)
        )
        keys = sum(
            self.grants.switch_key(key.key_id, active=False, owner_id=user_id, claim=None, reply={})
            for key in self.grants.list_keys(user_id)
            if key.active
        )
        issued = [each for each in self.grants.list_personal(user_id) if each.status is TokenStatus.ACTIVE]
        tokens = sum(self.grants.set_status(TokenKind.PERSONAL, each.token_id, active=False) for each in issued)
        links = self.sessions.end_codes(user_id)
        self.closer.close(user_id)
        self.streams.end_streams(user_id, now=now)
        browsers = sum(
            self.browsers.remove(user_id, each.subscription_id, claim=None)
            for each in self.browsers.list_subscriptions(user_id)
        )
        return tokens, keys, sessions, links, browsers


def _sum(first: Ended, more: Ended) -> Ended:
    return tuple(map(sum, zip(first, more, strict=True)))  # type: ignore[return-value]
