"""GitHub: failed workflows, asked reviews, mentions and security alerts of its webhooks."""

import hmac
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from chalicelib.core.domain.severity import Severity
from chalicelib.inbox.domain.events import ExternalStatus
from chalicelib.ingest.domain.incoming import Draft, Incoming, IngestStep, Reading, clip, find, read_time, text_at

_EVENT = "x-github-event"
_FAILED = ("failure", "timed_out", "startup_failure", "action_required")
_SEVERITIES = {
    **dict.fromkeys(("critical", "high", "error"), Severity.CRITICAL),
    **dict.fromkeys(("medium", "moderate", "warning"), Severity.WARN),
}
_OPENED = ("created", "reopened", "reintroduced", "auto_reopened", "reopened_by_user", "publicly_leaked")
_CLOSED = ("fixed", "dismissed", "auto_dismissed", "closed_by_user", "resolved", "revoked")
_MENTION = re.compile(r"(?<![\w`/.@-])@([A-Za-z0-9](?:[A-Za-z0-9-]{0,38}))", re.ASCII)


def fits(incoming: Incoming) -> bool:
    """Whether this is a webhook of GitHub."""
    return _EVENT in incoming.headers or ("repository" in incoming.object and "sender" in incoming.object)


def is_signed(incoming: Incoming, secret: str) -> bool:
    """Whether the request has the signature that GitHub makes with this secret."""
    made = f"sha256={hmac.new(secret.encode(), incoming.body, sha256).hexdigest()}"
    return hmac.compare_digest(made.encode(), incoming.headers.get("x-hub-signature-256", "").encode())


def read(incoming: Incoming) -> Reading:
    """Read the draft of the webhook; those that ask nothing of anybody make none."""
    name, action = incoming.headers.get(_EVENT, ""), text_at(incoming.object, "action")
    reader = _READERS.get(name) or (_read_alert if name.endswith("_alert") else None)
    draft = reader(incoming, action) if reader else None
    if draft is None:
        return Reading(
            ignored=f"The webhook {' '.join((name or 'without an event', action)).strip()} makes no notification."[:300]
        )
    return Reading((draft,))


def _read_workflow(incoming: Incoming, action: str) -> Draft | None:
    run = find(incoming.object, "workflow_run")
    if action != "completed" or not isinstance(run, dict):
        return None
    outcome, name = text_at(run, "conclusion"), text_at(run, "name") or "Workflow"
    event_id = f"github-run-{text_at(run, 'id')}"
    if outcome == "success":
        # Only a run that had failed before, and was repeated, is resolved by this.
        return Draft(event_id, "workflow.failed", name, summary="A repetition succeeded.", step=IngestStep.RESOLVE)
    if outcome not in _FAILED:
        return None
    branch = text_at(run, "head_branch")
    return Draft(
        event_id=event_id,
        kind="workflow.failed",
        title=f"{name} failed on {branch or 'a branch'}: {_repo(incoming)}",
        severity=Severity.WARN,
        occurred_at=read_time(text_at(run, "updated_at")),
        summary=text_at(run, "display_title") or text_at(run, "head_commit", "message"),
        url=text_at(run, "html_url"),
        status=ExternalStatus.FIRING,
        labels=_labels(incoming, workflow=name, branch=branch, conclusion=outcome),
    )


def _read_pull_request(incoming: Incoming, action: str) -> Draft | None:
    pull, reviewer = find(incoming.object, "pull_request"), text_at(incoming.object, "requested_reviewer", "login")
    if action == "opened":
        return _read_mention(incoming, pull, "pull request")
    asked = reviewer or text_at(incoming.object, "requested_team", "slug")
    is_other = incoming.login and reviewer.lower() != incoming.login.lower()
    if action != "review_requested" or not asked or is_other:
        return None
    number = text_at(pull, "number")
    return Draft(
        event_id=f"github-review-{text_at(pull, 'id')}-{asked}-{text_at(pull, 'head', 'sha')[:12]}",
        kind="review.requested",
        title=f"Review requested: {_repo(incoming)} #{number}",
        occurred_at=read_time(text_at(pull, "updated_at")),
        summary=text_at(pull, "title"),
        body=text_at(pull, "body"),
        url=text_at(pull, "html_url"),
        status=ExternalStatus.PENDING,
        labels=_labels(incoming, pull=number, reviewer=asked, author=text_at(pull, "user", "login")),
        links=(("Open the changes", f"{text_at(pull, 'html_url')}/files"),),
    )


def _read_issue(incoming: Incoming, action: str) -> Draft | None:
    return _read_mention(incoming, find(incoming.object, "issue"), "issue") if action == "opened" else None


def _read_comment(incoming: Incoming, action: str) -> Draft | None:
    return _read_mention(incoming, find(incoming.object, "comment"), "comment") if action == "created" else None


def _read_review(incoming: Incoming, action: str) -> Draft | None:
    return _read_mention(incoming, find(incoming.object, "review"), "review") if action == "submitted" else None


def _read_mention(incoming: Incoming, place: Any, kind: str) -> Draft | None:
    """Read a text that mentions the login that was asked for, or anybody if none was."""
    text, author = text_at(place, "body"), text_at(place, "user", "login")
    named = [each.lower() for each in _MENTION.findall(text)]
    if not named or (incoming.login and incoming.login.lower() not in named):
        return None
    subject = find(incoming.object, "issue") or find(incoming.object, "pull_request")
    whom = "you" if incoming.login else f"@{named[0]}"
    number = text_at(subject, "number")
    return Draft(
        event_id=f"github-mention-{kind.replace(' ', '-')}-{text_at(place, 'id')}",
        kind="mention.created",
        title=f"{author or 'Somebody'} mentioned {whom} in {_repo(incoming)} #{number}",
        occurred_at=read_time(text_at(place, "created_at") or text_at(place, "submitted_at")),
        summary=clip(" ".join(text.split()), 300),
        body=text,
        url=text_at(place, "html_url"),
        labels=_labels(incoming, number=number, title=text_at(subject, "title"), author=author),
    )


def _read_alert(incoming: Incoming, action: str) -> Draft | None:
    """Read an alert of Dependabot, of code scanning or of secret scanning."""
    name = incoming.headers[_EVENT]
    alert = find(incoming.object, "alert")
    number = text_at(alert, "number")
    event_id = f"github-{name}-{text_at(incoming.object, 'repository', 'id')}-{number}"
    if action in _CLOSED:
        return Draft(
            event_id,
            "security.alert",
            "Alert",
            summary=f"{action.replace('_', ' ').capitalize()} on GitHub.",
            step=IngestStep.RESOLVE,
        )
    if action not in _OPENED or not isinstance(alert, dict):
        return None
    level = next(
        (
            level
            for path in (("security_advisory", "severity"), ("rule", "security_severity_level"), ("rule", "severity"))
            if (level := text_at(alert, *path))
        ),
        "critical" if name.startswith("secret") else "",
    )
    title = (
        text_at(alert, "security_advisory", "summary")
        or text_at(alert, "rule", "description")
        or text_at(alert, "secret_type_display_name")
        or text_at(alert, "secret_type")
        or f"Alert {number}"
    )
    return Draft(
        event_id=event_id,
        kind="security.alert",
        title=f"{_repo(incoming)}: {title}",
        severity=_SEVERITIES.get(level, Severity.WARN),
        occurred_at=read_time(text_at(alert, "created_at")),
        body=text_at(alert, "security_advisory", "description") or text_at(alert, "rule", "full_description"),
        url=text_at(alert, "html_url"),
        status=ExternalStatus.FIRING,
        labels=_labels(
            incoming,
            alert=number,
            severity=level,
            package=text_at(alert, "dependency", "package", "name"),
            advisory=text_at(alert, "security_advisory", "ghsa_id"),
        ),
    )


def _repo(incoming: Incoming) -> str:
    return text_at(incoming.object, "repository", "full_name") or "a repository"


def _labels(incoming: Incoming, **values: str) -> dict[str, str]:
    return {"repository": _repo(incoming)} | {name: value for name, value in values.items() if value}


_READERS: dict[str, Callable[[Incoming, str], Draft | None]] = {
    "workflow_run": _read_workflow,
    "pull_request": _read_pull_request,
    "pull_request_review": _read_review,
    "pull_request_review_comment": _read_comment,
    "issue_comment": _read_comment,
    "commit_comment": _read_comment,
    "issues": _read_issue,
}
