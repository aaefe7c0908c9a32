"""Groups of alerts, as Alertmanager sends them to a webhook."""

from datetime import UTC, datetime, timedelta
from typing import Any

# Alertmanager's word for an alert that has not ended.
NOT_ENDED = "0001-01-01T00:00:00Z"


def new_alert(name: str = "DiskFull", *, fingerprint: str = "a1b2c3d4e5f60718", **annotations: str) -> dict[str, Any]:
    """Return an alert that fires since a few minutes."""
    started = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    return {
        "status": "firing",
        "labels": {"alertname": name, "severity": "critical", "instance": "db-1:9100"},
        "annotations": {"summary": "The disk of db-1 is full", "description": "4 % are free."} | annotations,
        "startsAt": started.isoformat().replace("+00:00", "Z"),
        "endsAt": NOT_ENDED,
        "generatorURL": "https://prometheus.example.com/graph?g0.expr=node",
        "fingerprint": fingerprint,
    }


def resolved(alert: dict[str, Any]) -> dict[str, Any]:
    """Return the same alert after it has ended."""
    return alert | {"status": "resolved", "endsAt": datetime.now(UTC).isoformat().replace("+00:00", "Z")}


def new_group(*alerts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the body of a notification about these alerts."""
    return {
        "version": "4",
        "groupKey": '{}:{alertname="DiskFull"}',
        "truncatedAlerts": 0,
        "status": "firing" if any(each["status"] == "firing" for each in alerts) else "resolved",
        "receiver": "fluxden",
        "groupLabels": {"alertname": "DiskFull"},
        "commonLabels": {"alertname": "DiskFull", "severity": "critical"},
        "commonAnnotations": {},
        "externalURL": "https://alertmanager.example.com",
        "alerts": list(alerts),
    } | more
