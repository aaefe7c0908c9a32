"""All adapters: which shapes they take, and that nothing breaks them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.domain.errors import Invalid
from chalicelib.ingest.domain.adapters.table import ADAPTERS, read_with
from chalicelib.ingest.domain.incoming import Incoming, to_event
from tests.ingest.adapters.test_pager_duty import trigger
from tests.support.alerts import new_alert, new_group
from tests.support.ingest import NOW, incoming


@pytest.mark.parametrize("given_name", list(ADAPTERS))
def test_each_shape_fits_its_own_adapter_and_another_names_it(given_name: str) -> None:
    samples = {
        "alertmanager": incoming(new_group(new_alert())),
        "cloudevents": incoming({"specversion": "1.0", "id": "1", "source": "/s", "type": "a.b"}),
        "github": incoming({"zen": "x"}, x_github_event="ping"),
        "pagerduty": incoming(trigger()),
        "sentry": incoming({"action": "created", "installation": {}, "data": {}}),
        "ntfy": incoming(b"text"),
    }
    for name, sample in samples.items():
        if name == given_name:
            read_with(ADAPTERS[name], sample)
            continue
        with pytest.raises(Invalid, match=f"The adapter {name} fits it"):
            read_with(ADAPTERS[given_name], sample)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=9,
)
MEMBERS = [
    "alerts",
    "groupKey",
    "labels",
    "annotations",
    "status",
    "startsAt",
    "fingerprint",
    "topic",
    "message",
    "priority",
    "tags",
    "actions",
    "specversion",
    "id",
    "source",
    "type",
    "data",
    "time",
    "event_action",
    "dedup_key",
    "payload",
    "summary",
    "severity",
    "links",
    "action",
    "installation",
    "issue",
    "event",
    "metric_alert",
    "repository",
    "sender",
    "comment",
    "body",
    "user",
    "alert",
    "workflow_run",
    "pull_request",
    "conclusion",
    "number",
]
SHAPED = st.dictionaries(
    st.sampled_from(MEMBERS), JSON | st.sampled_from(["trigger", "created", "1.0", "completed", "error"])
)
HEADERS = st.dictionaries(
    st.sampled_from(
        (
            "x-github-event",
            "sentry-hook-resource",
            "ce-specversion",
            "ce-id",
            "ce-type",
            "ce-source",
            "ce-time",
            "title",
            "actions",
            "content-type",
        )
    ),
    st.text() | st.sampled_from(["issue_comment", "workflow_run", "dependabot_alert", "issue", "1.0", "metric_alert"]),
)


@given(name=st.sampled_from(list(ADAPTERS)), body=JSON | SHAPED | st.lists(SHAPED, max_size=2), headers=HEADERS)
def test_any_request_is_refused_or_becomes_events_that_can_be_published(
    name: str, body: Any, headers: dict[str, str]
) -> None:
    raw = json.dumps(body).encode()
    request = Incoming(headers, raw, body, "req_1", NOW)
    try:
        drafts = read_with(ADAPTERS[name], request).drafts
    except Invalid:
        return
    for draft in drafts:
        event = to_event(draft, prefix="fd1.", now=NOW)
        assert event.title and event.event_type.startswith("fd1.")
