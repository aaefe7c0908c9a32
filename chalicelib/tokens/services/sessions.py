"""Sign people in and out, and let them list and end their sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from chalicelib.core.domain import bounds
from chalicelib.core.domain.callers import Session
from chalicelib.core.domain.errors import Conflict, NotFound, Unauthorized
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.ports import Action, SocketCloser
from chalicelib.ids import MintedToken, PresentedToken, session_from_hash
from chalicelib.people.services.ports import People
from chalicelib.tokens.domain.sessions import (
    EndedSessionsOut,
    SessionOut,
    SessionState,
    SignedInPersonOut,
    TicketOut,
    device_of,
    hours_after,
)

USED_CODE = "This sign-in link was used before, or has expired. Ask an operator for a new one."


class Sessions(Protocol):
    """Stores sessions, sign-in codes and tickets."""

    def add_code(self, code: MintedToken, user_id: str, *, now: datetime) -> datetime | None: ...
    def find_code_owner(self, code: PresentedToken, *, now: datetime) -> str | None: ...
    def begin(
        self,
        session: SessionState,
        token: MintedToken,
        code: PresentedToken | None,
        *,
        now: datetime,
        proof: Sequence[Action] = (),
    ) -> bool: ...
    def end_presented(self, session: PresentedToken) -> tuple[str, str] | None: ...
    def list_of(self, user_id: str, *, now: datetime) -> list[SessionState]: ...
    def end(self, session_id: str, *, user_id: str) -> bool: ...
    def add_ticket(self, ticket: MintedToken, session: PresentedToken, *, now: datetime) -> datetime | None: ...


def preview_sign_in(code: PresentedToken, *, now: datetime, sessions: Sessions, people: People) -> SignedInPersonOut:
    """Find whom a code signs in, and leave it good. Store calls: 2.

    Raises:
        Unauthorized: the code was used, or has expired, or its person is not active.
    """
    user_id = sessions.find_code_owner(code, now=now)
    person = people.find_person(user_id) if user_id else None
    if person is None or not person.active:
        raise Unauthorized(USED_CODE)
    return SignedInPersonOut(id=person.user_id, name=person.name, email=person.email)


@dataclass(frozen=True)
class Browser:
    """The browser in which a person signs in, with the session that it had until then."""

    user_agent: str
    session: PresentedToken | None
    address: str | None


@dataclass(frozen=True)
class Lifetime:
    """How long sessions last, in hours: in all, and without being used."""

    hours: int
    idle_hours: int


def begin_session(
    user_id: str,
    token: MintedToken,
    *,
    code: PresentedToken | None,
    session_id: str,
    browser: Browser,
    lifetime: Lifetime,
    now: datetime,
    sessions: Sessions,
    closer: SocketCloser,
    proof: Sequence[Action] = (),
) -> SessionState | None:
    """Begin a session, and end the one that the browser had; None if the code was used, or the person is not active.

    The actions of another `proof` are written with the session; None also if one of their conditions does not hold.
    If the person has as many sessions as they may, the oldest end. Store calls: 2; one more if they have sessions, and
    4 for each session that ends.
    """
    session = SessionState(
        session_id,
        user_id,
        device_of(browser.user_agent),
        browser.address,
        timestamp(now),
        hours_after(now, lifetime.hours),
        hours_after(now, lifetime.idle_hours),
    )
    if surplus := sessions.list_of(user_id, now=now)[bounds.SESSIONS.most - 1 :]:
        bounds.SESSIONS.note_met(user_id)
    if not sessions.begin(session, token, code, now=now, proof=proof):
        return None
    if browser.session and (ended := sessions.end_presented(browser.session)):
        closer.close(ended[0], key_id=ended[1])
    for each in surplus:
        sessions.end(each.session_id, user_id=user_id)
        closer.close(user_id, key_id=each.session_id)
    return session


def create_sign_in_code(user_id: str, code: MintedToken, *, now: datetime, sessions: Sessions) -> datetime:
    """Store a code that signs this person in once, and return when it expires. Store calls: 1.

    Raises:
        Conflict: the person is not active.
    """
    ends = sessions.add_code(code, user_id, now=now)
    if ends is None:
        raise Conflict("This employee is not active.")
    return ends


def list_sessions(*, owner: Session, now: datetime, sessions: Sessions) -> list[SessionOut]:
    """List the sessions of the person, newest first. Store calls after authentication: 2."""
    return [to_response(each, owner.key_id) for each in sessions.list_of(owner.user_id, now=now)]


def end_sessions(
    session_id: str | None,
    *,
    user_id: str,
    besides: str | None,
    now: datetime,
    sessions: Sessions,
    closer: SocketCloser,
) -> EndedSessionsOut:
    """End one session of the person, or without an id all besides one, and close their sockets.

    Store calls after authentication: 2 for one; 2, and 2 more for each. Closing takes 1 more for each, and 1 for each
    socket.

    Raises:
        NotFound: the session is unknown, or another person's.
    """
    if session_id is not None:
        if not sessions.end(session_id, user_id=user_id):
            raise NotFound("Session not found.")
        closer.close(user_id, key_id=session_id)
        return EndedSessionsOut(ended=1)
    others = [each.session_id for each in sessions.list_of(user_id, now=now) if each.session_id != besides]
    ended = 0
    for each in others:
        ended += sessions.end(each, user_id=user_id)
        closer.close(user_id, key_id=each)
    return EndedSessionsOut(ended=ended)


def sign_out(*, owner: Session, sessions: Sessions, closer: SocketCloser) -> None:
    """End the session of this request. Store calls after authentication: 3, and 1 for each of its sockets."""
    sessions.end(owner.key_id, user_id=owner.user_id)
    closer.close(owner.user_id, key_id=owner.key_id)


def create_ticket(ticket: MintedToken, *, owner: Session, now: datetime, sessions: Sessions) -> TicketOut:
    """Store a ticket with which one socket can be opened for the session. Store calls after authentication: 1.

    Raises:
        Unauthorized: the session has ended since.
    """
    ends = sessions.add_ticket(ticket, session_from_hash(owner.token_hash), now=now)
    if ends is None:
        raise Unauthorized("This session has ended. Sign in again.")
    return TicketOut(ticket=ticket.text, expires_at=timestamp(ends))


def to_response(session: SessionState, current: str) -> SessionOut:
    used = session.last_used_at
    return SessionOut(
        id=session.session_id,
        is_current=session.session_id == current,
        device=session.device,
        created_at=session.created_at,
        started_from=session.started_from,
        last_used_at=None if used is None else moment_of(used),
        last_used_from=session.last_used_from,
        ends_at=moment_of(session.ends_at()),
    )


def moment_of(seconds: int) -> str:
    return timestamp(datetime.fromtimestamp(seconds, UTC))
