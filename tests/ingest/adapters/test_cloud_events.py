"""The adapter of CloudEvents, with messages that the SDK of the specification writes."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from chalicelib.core.domain.severity import Severity
from chalicelib.ingest.domain.adapters.table import ADAPTERS, read_with
from chalicelib.ingest.domain.incoming import Draft, Incoming
from tests.support.ingest import NOW, read

ATTRIBUTES = {
    "id": "7",
    "source": "/builds",
    "type": "com.example.build.failed",
    "specversion": "1.0",
    "datacontenttype": "application/json",
    "time": datetime(2026, 11, 30, 11, 55, tzinfo=UTC),
    "subject": "payments",
}
DATA = {"title": "Build 7 failed", "severity": "error", "body": "Three tests.", "branch": "main"}


def draft_of(message: HTTPMessage) -> Draft:
    headers = {name.lower(): value for name, value in message.headers.items()}
    document: Any = None
    if "ce-id" not in headers:
        document = {"specversion": "1.0", "id": "", "source": "", "type": ""}
    (draft,) = read_with(ADAPTERS["cloudevents"], Incoming(headers, message.body, document, "req_1", NOW)).drafts
    return draft


@pytest.mark.parametrize("write", [to_binary, to_structured])
def test_what_the_sdk_writes_is_read_in_both_modes(write: Any) -> None:
    draft = draft_of(write(CloudEvent(ATTRIBUTES, DATA), JSONFormat()))

    assert (draft.event_id, draft.kind, draft.title) == ("/builds#7", "com.example.build.failed", "Build 7 failed")
    assert (draft.severity, draft.body, draft.occurred_at) == (Severity.WARN, "Three tests.", ATTRIBUTES["time"])
    assert draft.labels == {"source": "/builds", "subject": "payments", "branch": "main"}


def test_an_event_without_data_has_its_subject_as_title() -> None:
    assert draft_of(to_binary(CloudEvent(ATTRIBUTES, None), JSONFormat())).title == "payments"


def test_an_empty_batch_makes_nothing() -> None:
    assert read("cloudevents", [], content_type="application/cloudevents-batch+json").ignored == "The batch is empty."
