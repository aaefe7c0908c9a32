"""The adapter of Sentry."""

from chalicelib.core.domain.severity import Severity
from chalicelib.ingest.domain.incoming import IngestStep
from tests.support.ingest import draft_of, read


def test_sentry_issues_and_alerts() -> None:
    issue = {
        "id": "11",
        "title": "KeyError",
        "level": "fatal",
        "culprit": "app.pay",
        "web_url": "https://sentry.io/i/11",
    }
    created = draft_of("sentry", {"action": "created", "data": {"issue": issue}}, sentry_hook_resource="issue")
    gone = draft_of("sentry", {"action": "resolved", "data": {"issue": issue}}, sentry_hook_resource="issue")
    event = issue | {"issue_id": "11", "event_id": "e"}
    alerted = draft_of(
        "sentry",
        {"action": "triggered", "installation": {}, "data": {"event": event, "triggered_rule": "Errors"}},
    )
    metric = {
        "metric_alert": {"id": "3"},
        "description_title": "Critical: too many",
        "web_url": "https://sentry.io/m/3",
    }
    critical = draft_of("sentry", {"action": "critical", "data": metric}, sentry_hook_resource="metric_alert")
    assert (created.severity, created.title, created.step) == (Severity.CRITICAL, "KeyError", IngestStep.PUBLISH)
    assert created.event_id == gone.event_id == alerted.event_id == "sentry-issue-11"
    assert gone.step is IngestStep.RESOLVE
    assert (critical.severity, critical.kind) == (Severity.CRITICAL, "metric.alerted")
    assert read("sentry", {"action": "created", "data": {}}, sentry_hook_resource="installation").ignored
