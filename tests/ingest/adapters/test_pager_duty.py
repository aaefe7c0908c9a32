"""The adapter of PagerDuty Events v2."""

from typing import Any

import pytest

from chalicelib.core.domain.errors import Invalid
from chalicelib.ingest.domain.incoming import IngestStep
from tests.support.ingest import draft_of, read


def trigger(**payload: Any) -> dict[str, Any]:
    known = {"summary": "Queue grows", "source": "mq-1", "severity": "error"}
    return {"routing_key": "r", "event_action": "trigger", "dedup_key": "queue", "payload": known | payload}


@pytest.mark.parametrize(
    ("event", "step", "summary"),
    [
        (trigger(), IngestStep.PUBLISH, "Source: mq-1"),
        ({"event_action": "acknowledge", "dedup_key": "queue"}, IngestStep.NOTE, "Acknowledged."),
        ({"event_action": "resolve", "dedup_key": "queue", "client": "cron"}, IngestStep.RESOLVE, "Resolved by cron."),
    ],
)
def test_pagerduty_triggers_acknowledges_and_resolves(event: Any, step: IngestStep, summary: str) -> None:
    draft = draft_of("pagerduty", event)
    assert (draft.event_id, draft.step, draft.summary) == ("queue", step, summary)


@pytest.mark.parametrize(
    "event",
    [
        {"event_action": "annotate"},
        {"event_action": "resolve"},
        {"event_action": "trigger"},
        trigger(summary=" "),
        trigger(severity="bad"),
    ],
)
def test_pagerduty_refuses_what_its_api_refuses(event: Any) -> None:
    with pytest.raises(Invalid):
        read("pagerduty", event)
