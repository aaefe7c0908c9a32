"""CloudEvents 1.0 over HTTP: structured, binary and in batches, read by the SDK of the specification."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.severity import Severity
from chalicelib.ingest.domain.incoming import Draft, Incoming, Reading, rows_at, text_at, texts_of

if TYPE_CHECKING:
    from cloudevents.core.base import BaseCloudEvent

_BATCH = "application/cloudevents-batch+json"
_STRUCTURED = "application/cloudevents+json"
_SEVERITIES = {
    **dict.fromkeys(("critical", "fatal", "emergency", "alert"), Severity.CRITICAL),
    **dict.fromkeys(("warn", "warning", "error", "high"), Severity.WARN),
    **dict.fromkeys(("success", "ok"), Severity.SUCCESS),
}
_MEMBERS = frozenset({"title", "summary", "message", "description", "body", "url", "severity", "level"})


def fits(incoming: Incoming) -> bool:
    """Whether this is a CloudEvent in one of the three modes."""
    first = incoming.document[0] if isinstance(incoming.document, list) and incoming.document else incoming.document
    has_members = isinstance(first, dict) and {"specversion", "type", "source", "id"} <= first.keys()
    return has_members or "ce-specversion" in incoming.headers or _media_type(incoming) in (_BATCH, _STRUCTURED)


def read(incoming: Incoming) -> Reading:
    """Read one draft for each CloudEvent."""
    drafts = [_to_draft(each, incoming.request_id) for each in _parse(incoming)]
    return Reading(tuple(drafts), None if drafts else "The batch is empty.")


def _parse(incoming: Incoming) -> "list[BaseCloudEvent]":
    # Imported on first use: the SDK is of no use to the other adapters, which share this function.
    from cloudevents.core.bindings.http import HTTPMessage, from_binary
    from cloudevents.core.exceptions import BaseCloudEventException, CloudEventValidationError
    from cloudevents.core.formats.json import JSONFormat
    from cloudevents.core.v1.event import CloudEvent

    try:
        if isinstance(incoming.document, list) and "ce-specversion" not in incoming.headers:
            rows = rows_at(incoming.document)
            return [JSONFormat().read(CloudEvent, to_json(each)) for each in rows]
        if "ce-specversion" in incoming.headers:
            return [from_binary(HTTPMessage(dict(incoming.headers), incoming.body), JSONFormat(), CloudEvent)]
        return [JSONFormat().read(CloudEvent, incoming.body)]
    except CloudEventValidationError as error:
        fields = {name: [str(each)[:200] for each in found] for name, found in error.errors.items()}
        raise Invalid(f"The CloudEvent is not valid: {', '.join(sorted(fields))[:200]}.", fields) from error
    except (BaseCloudEventException, ValueError, TypeError, AttributeError, KeyError) as error:
        raise Invalid("The body is not a valid CloudEvent (specversion 1.0).") from error


def _to_draft(event: "BaseCloudEvent", request_id: str) -> Draft:
    data: Any = event.get_data()
    occurred: datetime | None = event.get_time()
    subject, kind = event.get_subject() or "", event.get_type()
    # The SDK has checked these; source and id together identify a CloudEvent.
    source, event_id = str(event.get_source()), str(event.get_id() or request_id)
    level = (text_at(data, "severity") or text_at(data, "level") or str(event.get_extension("severity") or "")).lower()
    title = text_at(data, "title") or text_at(data, "message") or subject or kind
    known = {name: text for name in ("summary", "description", "body") if (text := text_at(data, name))}
    return Draft(
        event_id=f"{source}#{event_id}",
        kind=kind,
        title=title,
        severity=_SEVERITIES.get(level, Severity.INFO),
        occurred_at=occurred if occurred and occurred.tzinfo else None,
        summary=known.get("summary", ""),
        body=known.get("body") or known.get("description") or "",
        url=text_at(data, "url"),
        labels={"source": source, "subject": subject}
        | {name: text for name, text in texts_of(data).items() if name not in _MEMBERS},
    )


def _media_type(incoming: Incoming) -> str:
    return incoming.headers.get("content-type", "").partition(";")[0].strip().lower()
