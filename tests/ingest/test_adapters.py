"""The adapters: which request becomes which drafts."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.severity import Severity
from chalicelib.ingest.domain.adapters import github, sentry
from chalicelib.ingest.domain.adapters.table import ADAPTERS, read_with
from chalicelib.ingest.domain.incoming import Draft, Incoming, IngestStep, Reading, to_event, to_event_id, to_event_type
from tests.support.alerts import new_alert, new_group, resolved

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
REPOSITORY = {"id": 9, "full_name": "acme/payments"}


def incoming(body: Any = None, *, login: str | None = None, **headers: str) -> Incoming:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    document = None if isinstance(body, bytes) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Incoming(named, raw, document, "req_1", NOW, login)


def read(adapter: str, *args: Any, **more: Any) -> Reading:
    return read_with(ADAPTERS[adapter], incoming(*args, **more))


def draft_of(adapter: str, *args: Any, **more: Any) -> Draft:
    (draft,) = read(adapter, *args, **more).drafts
    return draft


def github_webhook(name: str, action: str, login: str | None = None, **members: Any) -> Reading:
    body = {"action": action, "repository": REPOSITORY, "sender": {"login": "bob"}} | members
    return read("github", body, x_github_event=name, login=login)


def trigger(**payload: Any) -> dict[str, Any]:
    known = {"summary": "Queue grows", "source": "mq-1", "severity": "error"}
    return {"routing_key": "r", "event_action": "trigger", "dedup_key": "queue", "payload": known | payload}


RUN = {"id": 5, "name": "CI", "head_branch": "main", "html_url": "https://github.com/acme/payments/runs/5"}
PULL = {
    "id": 7,
    "number": 12,
    "title": "Round refunds",
    "head": {"sha": "abcdef0123456789"},
    "html_url": "https://github.com/p/12",
}
COMMENT = {"id": 3, "body": "Please look, @alice-w!", "user": {"login": "bob"}, "html_url": "https://github.com/c/3"}
ALERT = {
    "number": 4,
    "security_advisory": {"summary": "Prototype pollution", "severity": "high"},
    "html_url": "https://github.com/a/4",
}


@pytest.mark.parametrize(
    ("priority", "tags", "severity"),
    [
        ("", "", Severity.INFO),
        ("5", "", Severity.CRITICAL),
        ("urgent", "tada", Severity.CRITICAL),
        ("high", "", Severity.WARN),
        ("2", "", Severity.INFO),
        ("default", "tada,server", Severity.SUCCESS),
    ],
)
def test_ntfy_priority_and_tags_decide_the_severity(priority: str, tags: str, severity: Severity) -> None:
    draft = draft_of("ntfy", b"Backup done", x_priority=priority, tags=tags)
    assert draft.severity is severity
    assert draft.labels == ({"tags": ", ".join(tags.split(","))} if tags else {})


def test_ntfy_takes_headers_in_their_short_forms() -> None:
    draft = draft_of(
        "ntfy",
        b"Disk full\non db-1",
        t="=?UTF-8?B?UGxhdHRlIHZvbGw=?=",
        p="4",
        click="https://example.com/db-1",
        actions="view, Open panel, https://example.com/p, clear=true; http, Restart, https://example.com/r",
    )
    assert (draft.title, draft.summary, draft.severity) == ("Platte voll", "Disk full\non db-1", Severity.WARN)
    assert draft.links == (("Open panel", "https://example.com/p"),)
    assert draft.url == "https://example.com/db-1"
    assert draft.event_id == "ntfy-req_1"


def test_ntfy_takes_json() -> None:
    body = {
        "topic": "builds",
        "message": "Build 7 failed",
        "priority": 5,
        "tags": ["x"],
        "actions": [{"action": "view", "label": "Open", "url": "https://example.com/7"}],
        "sequence_id": "build-7",
    }
    draft = draft_of("ntfy", body)
    assert (draft.title, draft.severity, draft.event_id) == ("Build 7 failed", Severity.CRITICAL, "build-7")
    assert draft.links == (("Open", "https://example.com/7"),)


def test_ntfy_takes_actions_with_names_and_quotes() -> None:
    draft = draft_of("ntfy", b"x", actions="action=view, label='Open, now', url=https://example.com/1")
    assert draft.links == (("Open, now", "https://example.com/1"),)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"x"])
def test_ntfy_refuses_what_it_can_not_show(body: bytes) -> None:
    with pytest.raises(Invalid):
        read("ntfy", body, priority="9")


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


@pytest.mark.parametrize(
    ("reading", "kind", "step"),
    [
        (
            github_webhook("workflow_run", "completed", workflow_run=RUN | {"conclusion": "failure"}),
            "workflow.failed",
            "publish",
        ),
        (
            github_webhook("workflow_run", "completed", workflow_run=RUN | {"conclusion": "success"}),
            "workflow.failed",
            "resolve",
        ),
        (github_webhook("workflow_run", "completed", workflow_run=RUN | {"conclusion": "skipped"}), None, None),
        (github_webhook("workflow_run", "requested", workflow_run=RUN), None, None),
        (
            github_webhook(
                "pull_request", "review_requested", pull_request=PULL, requested_reviewer={"login": "alice-w"}
            ),
            "review.requested",
            "publish",
        ),
        (
            github_webhook(
                "pull_request", "review_requested", "carol", pull_request=PULL, requested_reviewer={"login": "alice-w"}
            ),
            None,
            None,
        ),
        (
            github_webhook("issue_comment", "created", "Alice-W", comment=COMMENT, issue=PULL),
            "mention.created",
            "publish",
        ),
        (github_webhook("issue_comment", "created", "carol", comment=COMMENT, issue=PULL), None, None),
        (github_webhook("issue_comment", "edited", comment=COMMENT, issue=PULL), None, None),
        (github_webhook("issues", "opened", issue=PULL | {"body": "a@b.c"}), None, None),
        (github_webhook("dependabot_alert", "created", alert=ALERT), "security.alert", "publish"),
        (github_webhook("dependabot_alert", "fixed", alert=ALERT), "security.alert", "resolve"),
        (github_webhook("secret_scanning_alert", "created", alert={"number": 1}), "security.alert", "publish"),
        (github_webhook("ping", ""), None, None),
        (github_webhook("push", ""), None, None),
    ],
)
def test_github_webhooks(reading: Reading, kind: str | None, step: str | None) -> None:
    if kind is None:
        assert reading.drafts == ()
        assert reading.ignored
    else:
        (draft,) = reading.drafts
        assert (draft.kind, draft.step) == (kind, step)


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


def test_signatures_are_those_of_the_senders() -> None:
    # The example of GitHub's documentation on validating deliveries.
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    request = incoming(b"Hello, World!", x_hub_signature_256=signature)
    assert github.is_signed(request, "It's a Secret to Everybody")
    assert not github.is_signed(request, "another")
    assert not github.is_signed(incoming(b"Hello, World!"), "It's a Secret to Everybody")
    assert not github.is_signed(incoming(b"x", x_hub_signature_256="é"), "s")
    assert not sentry.is_signed(incoming(b"x"), "s")


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


def test_the_end_of_an_alert_has_the_id_of_its_beginning() -> None:
    alert = new_alert()
    one, two = read("alertmanager", new_group(alert, resolved(alert))).drafts
    assert (one.event_id, two.step) == (two.event_id, IngestStep.RESOLVE)


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


@given(st.text(), st.text(alphabet="abcdefg-_", max_size=40))
def test_any_text_becomes_an_event_id_and_a_type(text: str, prefix: str) -> None:
    draft = Draft(text, text, text, summary=text, body=text, url=text, labels={text: text}, links=((text, text),))
    event = to_event(draft, prefix=f"{prefix}.", now=NOW)
    assert event.event_id == to_event_id(text)
    assert event.event_type == to_event_type(text, f"{prefix}.")


def test_different_texts_become_different_event_ids() -> None:
    assert to_event_id("a/b") != to_event_id("a b") != to_event_id("a-b")
    assert to_event_id("x" * 120) == "x" * 120
    assert len(to_event_id("x" * 121)) <= 120
