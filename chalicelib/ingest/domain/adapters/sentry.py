"""Sentry: issues, event alerts and metric alerts of its integration platform."""

import hmac
from hashlib import sha256
from typing import Any

from chalicelib.core.domain.severity import Severity
from chalicelib.inbox.domain.events import ExternalStatus
from chalicelib.ingest.domain.incoming import Draft, Incoming, IngestStep, Reading, find, read_time, text_at

_RESOURCE = "sentry-hook-resource"
_SEVERITIES = {
    **dict.fromkeys(("fatal", "critical"), Severity.CRITICAL),
    **dict.fromkeys(("info", "debug", "sample"), Severity.INFO),
}


def fits(incoming: Incoming) -> bool:
    """Whether this is a webhook of Sentry."""
    return _RESOURCE in incoming.headers or {"action", "installation", "data"} <= incoming.object.keys()


def is_signed(incoming: Incoming, secret: str) -> bool:
    """Whether the request has the signature that Sentry makes with this client secret."""
    made = hmac.new(secret.encode(), incoming.body, sha256).hexdigest()
    return hmac.compare_digest(made.encode(), incoming.headers.get("sentry-hook-signature", "").encode())


def read(incoming: Incoming) -> Reading:
    """Read the draft of the webhook; those that ask nothing of anybody make none."""
    action, data = text_at(incoming.object, "action"), find(incoming.object, "data")
    resource = incoming.headers.get(_RESOURCE) or _guess_resource(data)
    draft = None
    match resource:
        case "issue":
            draft = _from_issue(find(data, "issue"), action)
        case "event_alert":
            draft = _from_event(find(data, "event"), text_at(data, "triggered_rule"))
        case "metric_alert":
            draft = _from_metric(data, action)
    if draft is None:
        return Reading(ignored=f"The webhook {resource or 'without a resource'} {action} makes no notification."[:300])
    return Reading((draft,))


def _guess_resource(data: Any) -> str:
    return next(
        (name for name in ("metric_alert", "issue") if find(data, name)), "event_alert" if find(data, "event") else ""
    )


def _from_issue(issue: Any, action: str) -> Draft | None:
    if action == "resolved":
        return Draft(
            _issue_id(issue, "id"), "issue.created", "Issue", summary="Resolved in Sentry.", step=IngestStep.RESOLVE
        )
    if action not in ("created", "unresolved"):
        return None
    title = text_at(issue, "title") or text_at(issue, "metadata", "title") or "Issue"
    return Draft(
        event_id=_issue_id(issue, "id"),
        kind="issue.created",
        title=title,
        severity=_SEVERITIES.get(text_at(issue, "level"), Severity.WARN),
        occurred_at=read_time(text_at(issue, "lastSeen")) or read_time(text_at(issue, "firstSeen")),
        summary=text_at(issue, "culprit"),
        body=text_at(issue, "metadata", "value"),
        url=text_at(issue, "web_url") or text_at(issue, "permalink"),
        status=ExternalStatus.FIRING,
        labels=_labels(
            project=text_at(issue, "project", "slug"), issue=text_at(issue, "shortId"), level=text_at(issue, "level")
        ),
    )


def _from_event(event: Any, rule: str) -> Draft | None:
    if not isinstance(event, dict):
        return None
    return Draft(
        event_id=_issue_id(event, "issue_id") if text_at(event, "issue_id") else f"sentry-{text_at(event, 'event_id')}",
        kind="issue.alerted",
        title=text_at(event, "title") or text_at(event, "message") or rule or "Alert",
        severity=_SEVERITIES.get(text_at(event, "level"), Severity.WARN),
        occurred_at=read_time(text_at(event, "datetime")),
        summary=text_at(event, "culprit"),
        body=f"Rule: {rule}" if rule else "",
        url=text_at(event, "web_url"),
        status=ExternalStatus.FIRING,
        labels=_labels(
            rule=rule,
            level=text_at(event, "level"),
            environment=text_at(event, "environment"),
            platform=text_at(event, "platform"),
        ),
    )


def _from_metric(data: Any, action: str) -> Draft | None:
    alert = find(data, "metric_alert")
    event_id = f"sentry-metric-{text_at(alert, 'id')}"
    if action == "resolved":
        return Draft(
            event_id,
            "metric.alerted",
            "Alert",
            summary=text_at(data, "description_text") or "Resolved in Sentry.",
            step=IngestStep.RESOLVE,
        )
    if action not in ("critical", "warning", "open"):
        return None
    return Draft(
        event_id=event_id,
        kind="metric.alerted",
        title=text_at(data, "description_title") or text_at(alert, "alert_rule", "name") or "Metric alert",
        severity=Severity.CRITICAL if action == "critical" else Severity.WARN,
        occurred_at=read_time(text_at(alert, "date_started")),
        summary=text_at(data, "description_text"),
        url=text_at(data, "web_url"),
        status=ExternalStatus.FIRING,
        labels=_labels(rule=text_at(alert, "alert_rule", "name"), organization=text_at(alert, "organization_id")),
    )


def _issue_id(value: Any, name: str) -> str:
    return f"sentry-issue-{text_at(value, name) or 'unknown'}"


def _labels(**values: str) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
