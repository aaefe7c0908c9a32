"""A request of another system, as adapters read it, and what they make of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.errors import HeaderParseError
from email.header import decode_header
from enum import StrEnum
from hashlib import sha256
from typing import Any

from pydantic_core import to_json

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import parse_timestamp, timestamp, to_one_line
from chalicelib.core.domain.links import credential_parameters, link_error
from chalicelib.core.domain.severity import Severity
from chalicelib.inbox.domain.events import NEWEST, OLDEST, ExternalStatus, InboundEvent

MOST_EVENTS = 100
_LONGEST_ID = 120
_LONGEST_TYPE = 60
_MOST_LABELS = 20
_LONGEST_LINK = 2000
# An entity and an action.
_FEWEST_SEGMENTS = 2
_MOST_ACTIONS = 4
# Clocks of functions differ a little, and an event is published a moment after it was read.
_MARGIN = timedelta(minutes=1)


@dataclass(frozen=True)
class Incoming:
    """A request of another system. Names of `headers` are in lower case.

    `document` is the parsed body, None if it is no JSON. `request_id` identifies the request where its system gives
    its event no id. `parameters` are those of the query that say something of the event.
    """

    headers: Mapping[str, str]
    body: bytes
    document: Any
    request_id: str
    now: datetime
    login: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def object(self) -> dict[str, Any]:
        """The body as an object; empty if it is none."""
        return self.document if isinstance(self.document, dict) else {}


class IngestStep(StrEnum):
    """What a draft does: publish an event, resolve it, or add a note to it."""

    PUBLISH = "publish"
    RESOLVE = "resolve"
    NOTE = "note"


@dataclass(frozen=True)
class Draft:
    """What an adapter read: an event without the prefix of its integrator, in texts of any length.

    `event_id` identifies the matter in the system that it comes from. `kind` is the entity and the action. With the
    steps resolve and note, only `event_id` and `summary` count.
    """

    event_id: str
    kind: str
    title: str
    severity: Severity = Severity.INFO
    occurred_at: datetime | None = None
    summary: str = ""
    body: str = ""
    url: str = ""
    status: ExternalStatus | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    links: tuple[tuple[str, str], ...] = ()
    step: IngestStep = IngestStep.PUBLISH


@dataclass(frozen=True)
class Reading:
    """The drafts of a request, or the reason why it makes none. `key` is what the sender wants to have repeated."""

    drafts: tuple[Draft, ...] = ()
    ignored: str | None = None
    key: str | None = None


def to_event(draft: Draft, *, prefix: str, now: datetime) -> InboundEvent:
    """Convert a draft to an event of the integrator with this prefix. Too long texts are cut, bad links are shown."""
    body, url, buttons = _clean(draft.body), None, []
    if is_good_link(draft.url):
        url = draft.url
    elif draft.url:
        body = f"{body}\n\n`{to_one_line(_clean(draft.url))[:1000]}`".strip()
    for label, link in draft.links:
        if is_good_link(link) and (line := clip(to_one_line(_clean(label)), 40)):
            buttons.append({"label": line, "action_type": "url", "url": link})
    made: dict[str, Any] = {
        "spec_version": "2",
        "event_id": to_event_id(draft.event_id),
        "event_type": to_event_type(draft.kind, prefix),
        "severity": draft.severity,
        "title": clip(to_one_line(_clean(draft.title)), 200) or to_event_type(draft.kind, prefix),
        "occurred_at": timestamp(_within(draft.occurred_at, now)),
        "summary": clip(_clean(draft.summary).strip(), 500),
        "markdown_body": clip(body.strip(), 8000),
        "external_url": url,
        "external_status": draft.status,
        "labels": _to_labels(draft.labels),
        "actions": buttons[:_MOST_ACTIONS],
    }
    return InboundEvent.model_validate_json(to_json({name: value for name, value in made.items() if value}))


def to_event_id(text: str) -> str:
    """Return the text if it is an event id, and else one that begins with it and ends with its hash."""
    if re.fullmatch(r"[A-Za-z0-9_-]{1,120}", text, re.ASCII):
        return text
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", text)[: _LONGEST_ID - 34].strip("-")
    return f"{plain}-{sha256(text.encode(errors='replace')).hexdigest()[:32]}".lstrip("-")


def occurrence_id(event_id: str, number: int) -> str:
    """Return the id of an occurrence of an event. The first has the id itself, the others come after resolutions."""
    return event_id if number == 1 else to_event_id(f"{event_id}_{number}")


def to_event_type(kind: str, prefix: str) -> str:
    """Return an event type below `prefix` with the last segments of `kind` that fit."""
    segments = [each for each in re.split(r"[^A-Za-z0-9_-]+", kind.removeprefix(prefix)) if each] or ["event"]
    segments = ["event", *segments] if len(segments) == 1 else segments
    room = _LONGEST_TYPE - len(prefix)
    while len(segments) > _FEWEST_SEGMENTS and len(".".join(segments)) > room:
        segments.pop(0)
    if len(".".join(segments)) > room:
        segments = [each[: max(1, (room - 1) // 2)] for each in segments]
    return prefix + ".".join(segments)


def is_good_link(text: str) -> bool:
    """Whether an event may link there."""
    return bool(text) and len(text) <= _LONGEST_LINK and link_error(text) is None and not credential_parameters(text)


def clip(text: str, most: int) -> str:
    """Cut a text to `most` characters, with an ellipsis at the cut."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def read_time(value: object) -> datetime | None:
    """Read a date-time with offset, or seconds since 1970; None if it is neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            return datetime.fromtimestamp(value, UTC)
        except (OverflowError, OSError, ValueError):
            return None
    try:
        return parse_timestamp(str(value))
    except ValueError:
        return None


def find(value: Any, *path: str) -> Any:
    """Return the member at this path of nested objects; None if there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text_at(value: Any, *path: str) -> str:
    """Return the text or number at this path as a text; an empty one for anything else."""
    found = find(value, *path)
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return ""
    return str(found)


def texts_of(value: Any) -> dict[str, str]:
    """Return those members of an object that are texts, numbers or truth values, as texts."""
    if not isinstance(value, dict):
        return {}
    plain = {name: each for name, each in value.items() if isinstance(each, str | int | float)}
    return {name: str(each).lower() if isinstance(each, bool) else str(each) for name, each in plain.items()}


def rows_at(value: Any, *path: str) -> list[Any]:
    """Return the list at this path; an empty one for anything else.

    Raises:
        Invalid: the list has more members than one request may have.
    """
    found = find(value, *path) if path else value
    if not isinstance(found, list):
        return []
    if len(found) > MOST_EVENTS:
        place = ".".join(path) or "The body"
        raise Invalid(f"{place} has {len(found)} events. Send at most {MOST_EVENTS} in one request.")
    return found


def header_text(incoming: Incoming, *names: str) -> str:
    """Return the first of these headers that is there, also if it is encoded as mail headers are (RFC 2047)."""
    found = next((incoming.headers[name] for name in names if name in incoming.headers), "")
    if "=?" not in found:
        return found
    try:
        parts = decode_header(found)
        return "".join(each if isinstance(each, str) else each.decode(code or "ascii") for each, code in parts)
    except (HeaderParseError, LookupError, ValueError):
        return found


def _clean(text: str) -> str:
    """Leave out what no store holds: the character U+0000, and halves of characters."""
    return text.replace("\x00", "").encode(errors="replace").decode()


def _within(occurred: datetime | None, now: datetime) -> datetime:
    """Return the time if an event may have occurred then, and else the present."""
    if occurred is None or not now - OLDEST + _MARGIN <= occurred <= now + NEWEST - _MARGIN:
        return now
    return occurred


def _to_labels(labels: Mapping[str, str]) -> dict[str, str]:
    made: dict[str, str] = {}
    for name, value in labels.items():
        key, line = clip(to_one_line(_clean(name)), 80), clip(to_one_line(_clean(value)), 80)
        if key and line and len(made) < _MOST_LABELS:
            made[key] = line
    return made
