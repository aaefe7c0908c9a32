"""Any JSON, by expressions of JMESPath that say where the members of an event are."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.severity import Severity
from chalicelib.inbox.domain.events import ExternalStatus
from chalicelib.ingest.domain.incoming import Draft, Incoming, IngestStep, Reading, read_time, rows_at, texts_of

if TYPE_CHECKING:
    from jmespath.parser import ParsedResult

MEMBERS = ("title", "event_id", "type", "severity", "summary", "body", "url", "occurred_at", "resolved", "labels")
LONGEST_EXPRESSION = 300
# An expression is evaluated over a body of 256 KB. Each list that it builds can double what it works on.
_MOST_NODES, _MOST_BUILT = 60, 2
_BUILDING = frozenset({"multi_select_list", "multi_select_dict"})
_SEVERITIES = {
    **dict.fromkeys(("critical", "fatal", "emergency", "alert", "error"), Severity.CRITICAL),
    **dict.fromkeys(("warn", "warning", "high"), Severity.WARN),
    **dict.fromkeys(("success", "ok", "passed"), Severity.SUCCESS),
}


def fits(incoming: Incoming) -> bool:
    """Whether this is JSON with a mapping."""
    return bool(incoming.mapping) and isinstance(incoming.document, dict | list)


def read(incoming: Incoming) -> Reading:
    """Read one draft of an object, and of a list one for each member.

    Raises:
        Invalid: an expression does not fit the body.
    """
    compiled = {name: compile_expression(text) for name, text in incoming.mapping.items()}
    rows = rows_at(incoming.document) if isinstance(incoming.document, list) else [incoming.document]
    drafts = [_to_draft(row, compiled, f"json-{incoming.request_id}-{number}") for number, row in enumerate(rows)]
    return Reading(tuple(drafts), None if drafts else "The list is empty.")


def check_mapping(mapping: Mapping[str, str]) -> None:
    """Refuse a mapping that no request can be read with.

    Raises:
        Invalid: a member is unknown, the title is missing, or an expression is malformed or too large.
    """
    unknown = sorted(mapping.keys() - set(MEMBERS))
    if unknown or "title" not in mapping:
        reason = f"must have title, and can have {', '.join(MEMBERS[1:])}"
        raise Invalid(f"mapping {reason}.", {"mapping": [reason]})
    for name, expression in mapping.items():
        try:
            compile_expression(expression)
        except Invalid as error:
            raise Invalid(error.detail, {f"mapping.{name}": ["is not valid or too large"]}) from error


def compile_expression(text: str) -> "ParsedResult":
    """Parse an expression.

    Raises:
        Invalid: it is malformed or too large.
    """
    import jmespath  # it is of no use to the other adapters

    try:
        parsed = jmespath.compile(text[: LONGEST_EXPRESSION + 1])
        nodes, built = _measure(parsed.parsed)
    except (ValueError, RecursionError) as error:
        raise Invalid("The mapping has an expression that is not valid JMESPath.") from error
    if len(text) > LONGEST_EXPRESSION or nodes > _MOST_NODES or built > _MOST_BUILT:
        raise Invalid("The mapping has an expression that is too large.")
    return parsed


def _measure(node: Any) -> tuple[int, int]:
    """Count the nodes of an expression, and those of them that build lists and objects."""
    parts = [_measure(each) for each in node.get("children", ()) if isinstance(each, dict)]
    return 1 + sum(each[0] for each in parts), (node["type"] in _BUILDING) + sum(each[1] for each in parts)


def _to_draft(row: Any, compiled: Mapping[str, "ParsedResult"], fallback_id: str) -> Draft:
    found = {name: _evaluate(name, each, row) for name, each in compiled.items()}
    text = {name: _to_text(value) for name, value in found.items() if name != "labels"}
    title = text.get("title", "")
    if not title.strip():
        raise Invalid("The mapping finds no title in the body.", {"title": ["finds nothing"]})
    is_over = found.get("resolved") is True
    return Draft(
        event_id=text.get("event_id") or fallback_id,
        kind=text.get("type") or "event.received",
        title=title,
        severity=_SEVERITIES.get(text.get("severity", "").strip().lower(), Severity.INFO),
        occurred_at=read_time(found.get("occurred_at")),
        summary=text.get("summary", ""),
        body=text.get("body", ""),
        url=text.get("url", ""),
        status=ExternalStatus.FIRING if "resolved" in found else None,
        labels=texts_of(found.get("labels")),
        step=IngestStep.RESOLVE if is_over else IngestStep.PUBLISH,
    )


def _evaluate(name: str, expression: "ParsedResult", row: Any) -> Any:
    from jmespath.exceptions import JMESPathError

    try:
        return expression.search(row)
    except (JMESPathError, ValueError, TypeError, RecursionError, OverflowError, AttributeError) as error:
        raise Invalid(f"The expression for {name} does not fit the body.", {name: ["does not fit the body"]}) from error


def _to_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else to_json(value).decode()[:8000]
