"""The adapter of GitHub."""

from typing import Any

import pytest

from chalicelib.ingest.domain.adapters import github, sentry
from chalicelib.ingest.domain.incoming import Reading
from tests.support.ingest import incoming, read

REPOSITORY = {"id": 9, "full_name": "acme/payments"}


def github_webhook(name: str, action: str, login: str | None = None, **members: Any) -> Reading:
    body = {"action": action, "repository": REPOSITORY, "sender": {"login": "bob"}} | members
    return read("github", body, x_github_event=name, login=login)


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


def test_signatures_are_those_of_the_senders() -> None:
    # The example of GitHub's documentation on validating deliveries.
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    request = incoming(b"Hello, World!", x_hub_signature_256=signature)
    assert github.is_signed(request, "It's a Secret to Everybody")
    assert not github.is_signed(request, "another")
    assert not github.is_signed(incoming(b"Hello, World!"), "It's a Secret to Everybody")
    assert not github.is_signed(incoming(b"x", x_hub_signature_256="é"), "s")
    assert not sentry.is_signed(incoming(b"x"), "s")
