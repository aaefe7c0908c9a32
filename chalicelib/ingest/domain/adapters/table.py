"""The declared table of adapters: which requests each reads, and what of them becomes what of an event."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chalicelib.core.domain.errors import Invalid, NotFound
from chalicelib.ingest.domain.adapters import alertmanager, cloud_events, github, mapped, ntfy, pager_duty, sentry
from chalicelib.ingest.domain.incoming import Incoming, Reading


@dataclass(frozen=True)
class Adapter:
    """How the requests of one kind of system are read. `maps` has pairs of their members and ours.

    `is_signed` says whether a request has the signature of a secret, where the system signs its requests.
    """

    name: str
    sender: str
    fits: Callable[[Incoming], bool]
    read: Callable[[Incoming], Reading]
    expects: str
    maps: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
    is_signed: Callable[[Incoming, str], bool] | None = None


ADAPTERS: dict[str, Adapter] = {
    each.name: each
    for each in (
        Adapter(
            "alertmanager",
            "Prometheus Alertmanager, and Grafana's contact point of the type Webhook",
            alertmanager.fits,
            alertmanager.read,
            "a group of alerts, with `alerts` and `groupKey`",
            (
                ("alerts[].fingerprint, alerts[].startsAt", "event_id: fingerprint, hyphen, start in seconds"),
                ("alerts[].status firing", "a published event of the type `alert.firing`"),
                ("alerts[].status resolved", "the delivery is resolved"),
                ("alerts[].annotations.summary, or labels.alertname", "title"),
                ("alerts[].annotations.description", "summary and body"),
                ("alerts[].labels.severity", "severity: critical, page → critical; info, none → info; else warn"),
                ("alerts[].startsAt", "occurred_at, if it is at most 24 hours ago; else the time of the request"),
                ("alerts[].labels", "labels"),
                ("alerts[].panelURL, dashboardURL or generatorURL", "external_url"),
                ("annotations.runbook_url, dashboardURL, silenceURL, externalURL", "buttons"),
            ),
            (
                "An alert that is sent again while it fires raises the fire count of its delivery.",
                "An alert that fires again after it was resolved has another start, and is another event.",
            ),
        ),
        Adapter(
            "cloudevents",
            "Senders of CloudEvents 1.0: structured, binary or in batches",
            cloud_events.fits,
            cloud_events.read,
            "a CloudEvent with `specversion`, `id`, `source` and `type`",
            (
                ("source, id", "event_id"),
                ("type", "event type: its last segments that fit, below the prefix of the integrator"),
                ("data.title, data.message, subject or type", "title"),
                ("data.severity, data.level or the extension severity", "severity; info if there is none"),
                ("time", "occurred_at, if it is at most 24 hours ago; else the time of the request"),
                ("data.summary", "summary"),
                ("data.body or data.description", "body"),
                ("data.url", "external_url"),
                ("source, subject, and other texts and numbers of data", "labels"),
            ),
        ),
        Adapter(
            "github",
            "Webhooks of GitHub with the content type application/json",
            github.fits,
            github.read,
            "a webhook of GitHub, with the header X-GitHub-Event",
            (
                ("workflow_run completed, which failed", "`workflow.failed`, warn; event_id: the run"),
                (
                    "workflow_run completed, which succeeded",
                    "a delivery of the same run that failed before is resolved",
                ),
                ("pull_request review_requested", "`review.requested`, info; event_id: pull request, reviewer, commit"),
                ("created comments, opened issues and pull requests, submitted reviews", "`mention.created`, info"),
                (
                    "dependabot_alert, code_scanning_alert, secret_scanning_alert: created, reopened",
                    "`security.alert`; critical and high → critical, others warn; event_id: kind, repository, number",
                ),
                ("the same alerts: fixed, dismissed, closed, resolved", "the delivery is resolved"),
                ("html_url", "external_url"),
                ("repository.full_name, branch, workflow, author", "labels"),
            ),
            (
                "With `?login=octocat` only mentions of this user, and only reviews that are asked of them.",
                "Other webhooks, such as `ping` and `push`, are answered 200 and make nothing.",
            ),
            github.is_signed,
        ),
        Adapter(
            "pagerduty",
            "Clients of the PagerDuty Events API v2",
            pager_duty.fits,
            pager_duty.read,
            "an event of the Events API v2, with `event_action`",
            (
                ("dedup_key", "event_id; the id of the request if there is none"),
                ("event_action trigger", "a published event of the type `alert.triggered`"),
                ("event_action acknowledge", "a follow-up to the delivery"),
                ("event_action resolve", "the delivery is resolved"),
                ("payload.summary", "title"),
                ("payload.severity", "severity: critical, error → critical; warning → warn; info → info"),
                ("payload.timestamp", "occurred_at, if it is at most 24 hours ago; else the time of the request"),
                ("payload.source", "summary"),
                ("payload.custom_details", "body and labels"),
                ("payload.source, component, group, class", "labels"),
                ("client_url", "external_url"),
                ("links", "buttons"),
            ),
            (
                "The reply has `status` and `dedup_key`, which clients read. The `routing_key` is not looked at.",
                "A trigger after the resolution is a new event, with the number of the occurrence in its id.",
            ),
        ),
        Adapter(
            "sentry",
            "Webhooks of an internal integration of Sentry",
            sentry.fits,
            sentry.read,
            "a webhook of Sentry, with the header Sentry-Hook-Resource",
            (
                ("issue created, unresolved", "`issue.created`; event_id: the issue"),
                ("issue resolved", "the delivery is resolved"),
                ("event_alert triggered", "`issue.alerted`; event_id: the issue"),
                ("metric_alert critical, warning", "`metric.alerted`; event_id: the alert"),
                ("metric_alert resolved", "the delivery is resolved"),
                (
                    "level, or the action of a metric alert",
                    "severity: fatal, critical → critical; info → info; else warn",
                ),
                ("title, or description_title", "title"),
                ("culprit, or description_text", "summary"),
                ("web_url", "external_url"),
                ("project, rule, level, environment", "labels"),
            ),
            (
                "Other webhooks are answered 200 and make nothing.",
                "An issue that comes back after it was resolved is a new event, with its number in the id.",
            ),
            sentry.is_signed,
        ),
        Adapter(
            ntfy.NAME,
            "Scripts and clients that publish to ntfy",
            ntfy.fits,
            ntfy.read,
            "a message of ntfy: a text with headers, or JSON with `topic`",
            (
                ("sequence id", "event_id; the id of the request if there is none"),
                ("title, or the first line of the message", "title"),
                ("message", "summary and body"),
                ("priority", "severity: 5 → critical, 4 → warn, others info, or success with a tag such as tada"),
                ("tags", "the label `tags`"),
                ("click", "external_url"),
                ("actions view", "buttons"),
            ),
            (
                "Headers have the names and short names of ntfy, such as `X-Title` and `t`; the query has whole names.",
                "For clients the server is `/api/v1/ingest/ntfy`, and the topic the token of the address. POST or PUT.",
                "Actions of the kinds http, broadcast and copy, attachments, delays and icons are left out.",
            ),
        ),
        Adapter(
            "json",
            "Any system that sends JSON",
            mapped.fits,
            mapped.read,
            "JSON, and a mapping: in the query, or of the ingest token",
            (
                ("title", "title"),
                ("event_id", "event_id; the id of the request and the number of the event if there is none"),
                ("type", "event type below the prefix; `event.received` if there is none"),
                ("severity", "severity: critical, fatal, error → critical; warn, high → warn; ok → success; else info"),
                ("summary, body, url", "summary, body, external_url"),
                ("occurred_at", "occurred_at: a date-time with offset, or seconds since 1970"),
                ("resolved", "the delivery is resolved if it is true"),
                ("labels", "labels: an object"),
            ),
            (
                "The first column names members of the mapping, each an expression of JMESPath of 300 characters.",
                "A list in the body makes one event for each of its members.",
                'Example: `?mapping={"title": "alert.name", "event_id": "id"}`, in percent-encoding.',
            ),
        ),
    )
}


def find_adapter(name: str) -> Adapter:
    """Return the adapter of this name.

    Raises:
        NotFound: there is none.
    """
    if name not in ADAPTERS:
        raise NotFound(f"There is no adapter of this name. Adapters: {', '.join(ADAPTERS)}.")
    return ADAPTERS[name]


def check_token(name: str, *, is_signed: bool, mapping: Mapping[str, str] | None) -> None:
    """Refuse a token that its adapter can not use.

    Raises:
        NotFound: there is no such adapter.
        Invalid: it needs a signing secret or a mapping, or has no use for one.
    """
    adapter = find_adapter(name)
    if is_signed and adapter.is_signed is None:
        raise Invalid(f"{name} does not sign its requests.", {"signing_secret": ["is of no use to this adapter"]})
    if name == "github" and not is_signed:
        raise Invalid("github needs signing_secret.", {"signing_secret": ["is required for this adapter"]})
    if (name == "json") != (mapping is not None):
        reason = "is required for this adapter" if name == "json" else "is of no use to this adapter"
        raise Invalid(f"mapping {reason}.", {"mapping": [reason]})
    mapped.check_mapping(mapping or {"title": "title"})


def read_with(adapter: Adapter, incoming: Incoming) -> Reading:
    """Read the request with an adapter.

    Raises:
        Invalid: its shape is another one; the reason names the adapter that fits, if one does.
    """
    if incoming.parameters and adapter.name != ntfy.NAME:
        name = next(iter(incoming.parameters))
        raise Invalid(f"{name} is for the adapter ntfy.", {name: ["is for the adapter ntfy"]})
    if adapter.fits(incoming):
        return adapter.read(incoming)
    other = next((each for each in ADAPTERS.values() if each is not adapter and each.fits(incoming)), None)
    hint = f" The adapter {other.name} fits it: POST /api/v1/ingest/{other.name}." if other else ""
    raise Invalid(f"The adapter {adapter.name} expects {adapter.expects}.{hint}")
