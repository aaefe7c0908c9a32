"""ntfy: messages with headers, or as JSON, as its publishing clients send them."""

import json
import re
from typing import Any

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.severity import Severity
from chalicelib.ingest.domain.incoming import Draft, Incoming, Reading, header_text, text_at

NAME = "ntfy"
_PRIORITIES = {"min": 1, "low": 2, "default": 3, "high": 4, "max": 5, "urgent": 5}
_URGENT, _HIGH = 5, 4
# Tags that stand for good news.
_SUCCESS = frozenset({"white_check_mark", "heavy_check_mark", "ballot_box_with_check", "tada", "partying_face", "+1"})
_NAMES = {
    "title": ("x-title", "title", "ti", "t"),
    "message": ("x-message", "message", "m"),
    "priority": ("x-priority", "priority", "prio", "p"),
    "tags": ("x-tags", "tags", "tag", "ta"),
    "click": ("x-click", "click"),
    "actions": ("x-actions", "actions", "action"),
    "markdown": ("x-markdown", "markdown", "md"),
    "sequence_id": ("x-sequence-id", "sequence-id", "sid"),
}
MESSAGE_FIELDS = tuple(_NAMES)
_PAIR = re.compile(r"""\s*(?:([A-Za-z.-]+)\s*=\s*)?("[^"]*"|'[^']*'|[^,]*)\s*(?:,|$)""")


def fits(incoming: Incoming) -> bool:
    """Whether this can be a message of ntfy: JSON with a topic, or any text, in which ntfy has no other shape."""
    if isinstance(incoming.document, dict) and _looks_like_json(incoming):
        return isinstance(incoming.document.get("topic"), str)
    return (
        not isinstance(incoming.document, dict | list)
        or bool(incoming.parameters)
        or any(name in incoming.headers for names in _NAMES.values() for name in names if len(name) > 1)
    )


def read(incoming: Incoming) -> Reading:
    """Read the one draft of the message.

    Raises:
        Invalid: the text is not UTF-8, or the priority is unknown.
    """
    message = _from_document(incoming.object) if _looks_like_json(incoming) else _from_headers(incoming)
    tags, priority = message["tags"], _priority(message["priority"])
    if priority >= _HIGH:
        severity = Severity.CRITICAL if priority >= _URGENT else Severity.WARN
    else:
        severity = Severity.SUCCESS if _SUCCESS & set(tags) else Severity.INFO
    text: str = message["message"] or "triggered"
    title = message["title"] or text.partition("\n")[0]
    draft = Draft(
        event_id=message["sequence_id"] or f"ntfy-{incoming.request_id}",
        kind="message.published",
        title=title,
        severity=severity,
        summary="" if title == text else text,
        body=text if message["is_markdown"] or len(text) > len(title) else "",
        url=message["click"],
        labels={"tags": ", ".join(tags)} if tags else {},
        links=tuple(message["actions"]),
    )
    return Reading((draft,))


def _looks_like_json(incoming: Incoming) -> bool:
    return "topic" in incoming.object


def _from_document(document: dict[str, Any]) -> dict[str, Any]:
    tags, actions = document.get("tags"), document.get("actions")
    if actions is not None and not isinstance(actions, list):
        raise Invalid("actions: must be a list", {"actions": ["must be a list"]})
    return {
        "title": text_at(document, "title"),
        "message": text_at(document, "message"),
        "priority": text_at(document, "priority"),
        "tags": [str(each) for each in tags] if isinstance(tags, list) else [],
        "click": text_at(document, "click"),
        "actions": _views(actions or []),
        "is_markdown": document.get("markdown") is True,
        "sequence_id": text_at(document, "sequence_id"),
    }


def _from_headers(incoming: Incoming) -> dict[str, Any]:
    found = {
        name: (header_text(incoming, *names) or incoming.parameters.get(name, "")).strip()
        for name, names in _NAMES.items()
    }
    try:
        body = incoming.body.decode()
    except UnicodeDecodeError as error:
        raise Invalid("The message must be UTF-8 text. Attachments are not taken.") from error
    return {
        "title": found["title"],
        "message": found["message"].replace("\\n", "\n") or body.strip(),
        "priority": found["priority"],
        "tags": [tag for each in found["tags"].split(",") if (tag := each.strip())],
        "click": found["click"],
        "actions": _views(_parse_actions(found["actions"])),
        "is_markdown": found["markdown"].lower() in ("1", "yes", "true")
        or incoming.headers.get("content-type", "").startswith("text/markdown"),
        "sequence_id": found["sequence_id"],
    }


def _priority(text: str) -> int:
    if not text:
        return 3
    name = text.strip().lower()
    if name in _PRIORITIES:
        return _PRIORITIES[name]
    if name in ("1", "2", "3", "4", "5"):
        return int(name)
    reason = "must be 1 to 5, or min, low, default, high, max or urgent"
    raise Invalid(f"priority {reason}", {"priority": [reason]})


def _parse_actions(text: str) -> list[Any]:
    """Parse the header of actions: JSON, or the short form `view, Open, https://example.com; …`."""
    if text.startswith("["):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Invalid("The header Actions is not valid JSON.") from error
        return found if isinstance(found, list) else []
    return [_parse_action(each) for each in text.split(";") if each.strip()]


def _parse_action(text: str) -> dict[str, str]:
    made: dict[str, str] = {}
    positions = ["action", "label", "url"]
    for name, value in _PAIR.findall(text):
        plain = value.strip().strip("\"'")
        if name:
            made[name.lower()] = plain
        elif positions and plain:
            made.setdefault(positions.pop(0), plain)
    return made


def _views(actions: list[Any]) -> list[tuple[str, str]]:
    """Return the labels and links of those actions that open a page. The others are done by phones."""
    return [(text_at(each, "label"), text_at(each, "url")) for each in actions if text_at(each, "action") == "view"]
