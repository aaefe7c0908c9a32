"""Alertmanager and Grafana: grouped alerts of their webhooks."""

from typing import Any

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

_SEVERITIES = {
    **dict.fromkeys(("critical", "crit", "page", "emergency", "fatal", "disaster", "p1", "p0"), Severity.CRITICAL),
    **dict.fromkeys(
        ("info", "information", "informational", "none", "low", "debug", "notice", "p4", "p5"), Severity.INFO
    ),
}
# What Grafana and Alertmanager write where an alert has not ended.
_NAMES = ("alertname", "grafana_folder")


def fits(incoming: Incoming) -> bool:
    """Whether this is a group of alerts."""
    alerts = incoming.object.get("alerts")
    return isinstance(alerts, list) and (
        "groupKey" in incoming.object or any(isinstance(each, dict) and "fingerprint" in each for each in alerts[:1])
    )


def read(incoming: Incoming) -> Reading:
    """Read one draft for each alert of the group: firing ones publish, resolved ones resolve."""
    alerts = rows_at(incoming.document, "alerts")
    drafts = [_to_draft(each, incoming, index) for index, each in enumerate(alerts)]
    return Reading(tuple(drafts), None if drafts else "The group has no alerts.")


def _to_draft(alert: Any, incoming: Incoming, index: int) -> Draft:
    if not isinstance(alert, dict):
        raise Invalid(f"alerts.{index}: must be an object", {f"alerts.{index}": ["must be an object"]})
    labels, notes = texts_of(alert.get("labels")), texts_of(alert.get("annotations"))
    name = labels.get("alertname", "")
    title = notes.get("summary") or notes.get("title") or name or text_at(incoming.document, "title") or "Alert"
    started = read_time(alert.get("startsAt"))
    # An alert that fires again after it was resolved has another start, and is another event.
    event_id = "-".join(
        part for part in (_fingerprint(alert, labels), str(int(started.timestamp())) if started else "") if part
    )
    if text_at(alert, "status") == "resolved":
        ended = text_at(alert, "endsAt")
        return Draft(
            event_id, "alert.firing", title, summary=f"Resolved at {ended}." if ended else "", step=IngestStep.RESOLVE
        )
    description = notes.get("description") or notes.get("message") or ""
    return Draft(
        event_id=event_id,
        kind="alert.firing",
        title=title,
        severity=_SEVERITIES.get(labels.get("severity", "").strip().lower(), Severity.WARN),
        occurred_at=started,
        summary=description,
        body=_to_body(alert, started_text=text_at(alert, "startsAt"), notes=notes),
        url=_link_of(alert),
        status=ExternalStatus.FIRING,
        labels=_ordered(labels),
        links=(
            ("Runbook", notes.get("runbook_url", "")),
            ("Dashboard", text_at(alert, "dashboardURL")),
            ("Silence", text_at(alert, "silenceURL")),
            ("Open Alertmanager", text_at(incoming.document, "externalURL")),
        ),
    )


def _fingerprint(alert: dict[str, Any], labels: dict[str, str]) -> str:
    return text_at(alert, "fingerprint") or ",".join(f"{name}={labels[name]}" for name in sorted(labels)) or "alert"


def _link_of(alert: dict[str, Any]) -> str:
    return next((link for name in ("panelURL", "dashboardURL", "generatorURL") if (link := text_at(alert, name))), "")


def _to_body(alert: dict[str, Any], *, started_text: str, notes: dict[str, str]) -> str:
    rest = [f"- **{name}**: {text}" for name, text in notes.items() if name not in ("summary", "title", "description")]
    values = text_at(alert, "valueString")
    parts = [notes.get("description", ""), "\n".join(rest), f"Values: `{values}`" if values else ""]
    parts.append(f"Firing since {started_text}." if started_text and find(alert, "startsAt") else "")
    return "\n\n".join(part for part in parts if part)


def _ordered(labels: dict[str, str]) -> dict[str, str]:
    """Put the alert's name first: the labels beyond the twentieth are left out."""
    return {name: labels[name] for name in _NAMES if name in labels} | labels
