"""What the operations that sign people in share."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from chalicelib import ids
from chalicelib.api.audit import audited
from chalicelib.core.domain.audit import Actor, ActorKind, Credential, Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.requests import RawRequest, RequestContext
from chalicelib.ids import SignInSecret
from chalicelib.tokens.domain.sessions import family_of, find_cookie
from chalicelib.tokens.services.sessions import Browser


def browser_of(request: RawRequest) -> Browser:
    """Return the browser that sent a request, with the session that it has."""
    presented = ids.parse_sign_in_secret(SignInSecret.SESSION, find_cookie(request.headers))
    return Browser(request.headers.get("user-agent", ""), presented, request.address)


@contextmanager
def sign_in_audited(context: RequestContext, user_id: str, *, browser: Browser, way: str) -> Iterator[str]:
    """Record that a person signs in, with the session that the block begins. The value is the id for that session.

    `way` is what they sign in with. Store calls: none, as the entry is in the transaction of the session.
    """
    session_id = str(uuid4())
    actor = Actor(ActorKind.PERSON, user_id, Credential.SESSION, session_id)
    family = family_of(browser.user_agent) or None
    with audited(AuditKind.SESSION_BEGIN, actor, context, Subject("session", session_id), way=way, browser=family):
        yield session_id
