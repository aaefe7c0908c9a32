"""PagerDuty Events v2: triggers, acknowledgements and resolutions, as its clients send them."""

from typing import Any

from pydantic_core import to_json

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.severity import Severity
from chalicelib.inbox.domain.events import ExternalStatus
from chalicelib.ingest.domain.incoming import (
    Draft,
    Incoming,
    IngestStep,
    Reading,
    find,
    read_time,
    rows_at,
    text_at,
    texts_of,
)

_ACTIONS = ("trigger", "acknowledge", "resolve")
_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "error": Severity.CRITICAL,
    "warning": Severity.WARN,
    "info": Severity.INFO,
}


def fits(incoming: Incoming) -> bool:
    """Whether this is an event of the Events API v2."""
    return "event_action" in incoming.object


def read(incoming: Incoming) -> Reading:
    """Read the one draft: a trigger publishes, an acknowledgement notes, a resolution resolves.

    Raises:
        Invalid: a member that the action needs is missing or unknown.
    """
    event = incoming.object
    action, key = text_at(event, "event_action"), text_at(event, "dedup_key")
    if action not in _ACTIONS:
        raise _refused("event_action", f"must be one of {', '.join(_ACTIONS)}")
    if action == "trigger":
        key = key or f"pd-{incoming.request_id}"
        return Reading((_to_trigger(event, key),), key=key)
    if not key:
        raise _refused("dedup_key", f"is required to {action}")
    step = IngestStep.RESOLVE if action == "resolve" else IngestStep.NOTE
    client = text_at(event, "client")
    by = f" by {client}" if client else ""
    text = f"Resolved{by}." if step is IngestStep.RESOLVE else f"Acknowledged{by}."
    return Reading((Draft(key, "alert.triggered", "Alert", summary=text, step=step),), key=key)


def _to_trigger(event: dict[str, Any], key: str) -> Draft:
    payload = find(event, "payload")
    if not isinstance(payload, dict):
        raise _refused("payload", "is required to trigger")
    title, source, severity = (text_at(payload, name) for name in ("summary", "source", "severity"))
    if not title.strip():
        raise _refused("payload.summary", "is required")
    if severity not in _SEVERITIES:
        raise _refused("payload.severity", f"must be one of {', '.join(_SEVERITIES)}")
    details = payload.get("custom_details")
    links = [(text_at(each, "text") or "Open", text_at(each, "href")) for each in rows_at(event, "links")]
    labels = {name: text for name in ("source", "component", "group", "class") if (text := text_at(payload, name))}
    return Draft(
        event_id=key,
        kind="alert.triggered",
        title=title,
        severity=_SEVERITIES[severity],
        occurred_at=read_time(payload.get("timestamp")),
        summary=f"Source: {source}" if source else "",
        body=_to_body(details),
        url=text_at(event, "client_url"),
        status=ExternalStatus.FIRING,
        labels=labels | {name: text for name, text in texts_of(details).items() if name not in labels},
        links=tuple(links),
    )


def _to_body(details: Any) -> str:
    if isinstance(details, str):
        return details
    if not isinstance(details, dict | list) or not details:
        return ""
    return f"```json\n{to_json(details, indent=2).decode()[:7900]}\n```"


def _refused(place: str, reason: str) -> Invalid:
    return Invalid(f"{place} {reason}", {place: [reason]})
