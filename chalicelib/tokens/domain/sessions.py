"""Sessions of people who sign in with a browser: their cookie, their limits, and what is shown of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field

from chalicelib.core.domain.fields import In, Line, Out, Query, TimeOut, UuidOut

# `__Host-` makes browsers refuse the cookie from other hosts, without TLS, and for a part of the paths.
COOKIE = "__Host-fluxden-session"
CODE_LIFETIME = timedelta(hours=24)
TICKET_LIFETIME = timedelta(seconds=30)
# The oldest end when a person signs in once more.
# Marks in a user agent, those that browsers have beside the mark of another one first.
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
_LONGEST_DEVICE = 200
_HOUR = 3600


@dataclass(frozen=True)
class SessionState:
    """A session as its person sees it. Times are in epoch seconds; `device` is what the browser says that it is."""

    session_id: str
    user_id: str
    device: str
    started_from: str | None
    created_at: str
    expires_at: int
    idle_until: int
    last_used_at: int | None = None
    last_used_from: str | None = None

    def ends_at(self) -> int:
        return min(self.expires_at, self.idle_until)


class SignInIn(In):
    """The code of a sign-in link."""

    code: Line = Field(min_length=1, max_length=100, description="The code. It works once, for a day.")
    preview: bool = Field(default=False, description="Only say whom the code signs in. It stays good.")


class SessionQuery(Query):
    """The session to end; without an id, all others."""

    id: str | None = Field(None, min_length=1, max_length=100)


class SessionOut(Out):
    """A session of yours."""

    id: UuidOut
    is_current: bool = Field(description="Whether it is the session of this request.")
    device: str = Field(description="The browser, as it names itself.")
    created_at: TimeOut
    started_from: str | None = Field(description="The network address of the sign-in.")
    last_used_at: TimeOut | None
    last_used_from: str | None = Field(description="The network address of the last call.")
    ends_at: TimeOut = Field(description="When it ends without another call.")


class SignedInPersonOut(Out):
    """Whom a code signs in."""

    id: UuidOut
    name: str
    email: str


class SignedInOut(Out):
    """A new session; null in a preview."""

    person: SignedInPersonOut
    session_id: UuidOut | None
    ends_at: TimeOut | None


class EndedSessionsOut(Out):
    """How many sessions ended."""

    ended: int


class TicketOut(Out):
    """A ticket to open one socket with."""

    ticket: str = Field(description="Sent as the second subprotocol, after `bearer`. It works once.")
    expires_at: TimeOut


def to_sign_in_link(base_url: str, code: str) -> str:
    """The address that signs in whoever opens it first. Browsers keep the part after `#` to themselves."""
    return f"{base_url}/#sign-in={code}"


def hours_after(now: datetime, hours: int) -> int:
    """The time so many hours from now, in epoch seconds."""
    return int(now.timestamp()) + hours * _HOUR


def device_of(user_agent: str) -> str:
    """The browser's own name, as one bounded line."""
    return re.sub(r"[^\x20-\x7e]+", " ", user_agent).strip()[:_LONGEST_DEVICE]


def family_of(user_agent: str) -> str:
    """The browser and its system in our own words, empty if neither is known: nothing that its sender chose."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return " on ".join(filter(None, (browser, system)))


def to_cookie(text: str, hours: int) -> str:
    """The `Set-Cookie` header that begins a session of at most so many hours (RFC 6265)."""
    return f"{COOKIE}={text}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={hours * _HOUR}"


def to_ended_cookie() -> str:
    """The `Set-Cookie` header that ends a session in the browser."""
    return f"{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"


def find_cookie(headers: Mapping[str, str]) -> str:
    """Return the session of a request's cookies, or an empty text. Names of `headers` are in lower case."""
    return find_named_cookie(headers, COOKIE)


def find_named_cookie(headers: Mapping[str, str], wanted: str) -> str:
    """Return one of a request's cookies, or an empty text. Names of `headers` are in lower case."""
    for each in headers.get("cookie", "").split(";"):
        name, _, value = each.strip().partition("=")
        if name == wanted:
            return value.strip('"')
    return ""
