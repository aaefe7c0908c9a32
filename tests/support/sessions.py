"""Sign people of the demo organisation in, and call operations with their sessions as a browser does."""

from datetime import UTC, datetime

from chalicelib.ids import SignInSecret, mint_sign_in_secret
from chalicelib.tokens.domain.sessions import COOKIE
from chalicelib.tokens.stores.sessions import DynamoSessions
from tests.support.api import Answer, Api

SESSIONS = "/api/v2/sessions"
# What a browser sends with a change from a page of this desk.
OWN_PAGE = {"Origin": "https://desk.test", "Sec-Fetch-Site": "same-origin", "X-Fluxden-Client": "console"}


def new_code(user_id: str) -> str:
    """Create a code that signs this person in."""
    code = mint_sign_in_secret(SignInSecret.CODE)
    assert DynamoSessions().add_code(code, user_id, now=datetime.now(UTC))
    return code.text


def cookie(session: str) -> dict[str, str]:
    """The headers of a request with a session, from a page of this desk."""
    return OWN_PAGE | {"Cookie": f"theme=dark; {COOKIE}={session}"}


def use_code(api: Api, code: str, *, device: str = "Test browser", address: str = "127.0.0.1") -> Answer:
    return api.call("POST", SESSIONS, {"code": code}, headers=OWN_PAGE | {"User-Agent": device}, address=address)


def sign_in(api: Api, user_id: str, *, device: str = "Test browser") -> str:
    """Sign a person in, and return the session."""
    return session_of(use_code(api, new_code(user_id), device=device))


def session_of(answer: Answer) -> str:
    """Return the session that a reply sets as a cookie."""
    assert answer.status == 201, answer.text
    name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
    assert name == COOKIE
    return value
