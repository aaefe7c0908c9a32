"""The settings of a deployment, read from the environment on first use."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from pydantic_core import Url, ValidationError

from chalicelib import retention
from chalicelib.retention import FEWEST_DAYS, MOST_DAYS

VERSION = "0.1.0"

_LONGEST_HOLD_SECONDS = 25


@dataclass(frozen=True)
class Settings:
    """The settings of a process.

    Budgets are units per minute and token. `registrations_per_hour` limits how many new instances may register in an
    hour of the clock. `trusted_proxies` is the number of proxies before this desk whose `X-Forwarded-For` is true.
    `base_url` is the normalised URL of this desk, and `socket_url` that of its WebSockets; both may be empty.
    `socket_host` is the endpoint by which other processes reach the WebSockets that this one holds, where several can.
    `allow_loopback` lets callbacks reach this machine, for demonstrations and tests only. `tracing` says whether calls
    are recorded for AWS X-Ray. `stream_hold_seconds` is how long the event stream over HTTP waits for a new event
    behind a gateway that passes on complete replies only. With `socket_heartbeats`, functions send heartbeats to open
    sockets; a host always does. `streams_per_desk` is how many event streams may wait in functions at the same time.
    `kept_days` has the days of each kind of data by its setting; 0 keeps it for ever. A person's session ends after
    `session_hours`, or earlier after `session_idle_hours` without a request.
    """

    personal_budget: int
    tools_budget: int
    scim_budget: int
    key_budget: int
    session_budget: int
    platform_budget: int
    connection_budget: int
    registrations_per_hour: int
    trusted_proxies: int
    base_url: str
    socket_url: str
    socket_host: str
    error_base_url: str
    allow_loopback: bool
    socket_heartbeats: bool
    tracing: bool
    stream_hold_seconds: int
    streams_per_desk: int
    kept_days: Mapping[str, int]
    session_hours: int
    session_idle_hours: int


@cache
def settings() -> Settings:
    """Read the settings once.

    Raises:
        ValueError: a budget is not a positive whole number, days are not a number, or the base URL is invalid.
    """
    return Settings(
        personal_budget=positive_integer("FLUXDEN_PERSONAL_BUDGET", 120),
        tools_budget=positive_integer("FLUXDEN_TOOLS_BUDGET", 600),
        scim_budget=positive_integer("FLUXDEN_SCIM_BUDGET", 1200),
        key_budget=positive_integer("FLUXDEN_KEY_BUDGET", 120),
        session_budget=positive_integer("FLUXDEN_SESSION_BUDGET", 600),
        platform_budget=positive_integer("FLUXDEN_PLATFORM_BUDGET", 600),
        connection_budget=positive_integer("FLUXDEN_CONNECTION_BUDGET", 600),
        registrations_per_hour=positive_integer("FLUXDEN_REGISTRATIONS_PER_HOUR", 300),
        trusted_proxies=_trusted_proxies(),
        base_url=_base_url(),
        socket_url=os.environ.get("FLUXDEN_SOCKET_URL", "").rstrip("/"),
        socket_host=os.environ.get("FLUXDEN_SOCKET_HOST", ""),
        error_base_url=os.environ.get("FLUXDEN_ERROR_BASE_URL", "https://docs.fluxdesk.net/api/v1/errors").rstrip("/"),
        allow_loopback=os.environ.get("ALLOW_LOOPBACK") == "1",
        socket_heartbeats=os.environ.get("FLUXDEN_SOCKET_HEARTBEATS") == "1",
        tracing=os.environ.get("FLUXDEN_TRACING") == "1",
        # API Gateway times out after 29 seconds.
        stream_hold_seconds=min(positive_integer("FLUXDEN_STREAM_HOLD_SECONDS", 20), _LONGEST_HOLD_SECONDS),
        streams_per_desk=positive_integer("FLUXDEN_STREAMS_PER_DESK", 50),
        kept_days={each.setting: _days(each.setting, each.kept.days) for each in retention.SETTABLE},
        session_hours=positive_integer("FLUXDEN_SESSION_HOURS", 7 * 24),
        session_idle_hours=positive_integer("FLUXDEN_SESSION_IDLE_HOURS", 12),
    )


def _trusted_proxies() -> int:
    text = os.environ.get("FLUXDEN_TRUSTED_PROXIES", "") or "0"
    if len(text) != 1 or not text.isdecimal() or not text.isascii():
        raise ValueError("FLUXDEN_TRUSTED_PROXIES must be a whole number from 0 to 9")
    return int(text)


def _days(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    if not text:
        return default
    is_number = text.isascii() and text.isdigit()
    if not is_number or not (int(text) == 0 or FEWEST_DAYS <= int(text) <= MOST_DAYS):
        raise ValueError(
            f"{name} must be a number of days from {FEWEST_DAYS} to {MOST_DAYS}, or 0 to keep them for ever"
        )
    return int(text)


def _base_url() -> str:
    text = os.environ.get("FLUXDEN_BASE_URL", "")
    if not text:
        return ""
    try:
        url = Url(text)
    except ValidationError:
        url = None
    if url is None or url.scheme not in {"https", "http"} or url.query is not None or url.fragment is not None:
        raise ValueError("FLUXDEN_BASE_URL must be an http or https URL that ends with its path")
    return str(url).rstrip("/")


def positive_integer(name: str, default: int) -> int:
    """Read the environment variable `name` as a whole number above zero.

    Raises:
        ValueError: its value is anything else.
    """
    text = os.environ.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(f"{name} must be a whole number above zero")
    return int(text)
