"""The declared table of adapters: which requests each reads, and what of them becomes what of an event."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.core.domain.errors import Invalid, NotFound
from chalicelib.ingest.domain.adapters import alertmanager, cloud_events
from chalicelib.ingest.domain.incoming import Incoming, Reading


@dataclass(frozen=True)
class Adapter:
    """How the requests of one kind of system are read. `maps` has pairs of their members and ours."""

    name: str
    sender: str
    fits: Callable[[Incoming], bool]
    read: Callable[[Incoming], Reading]
    expects: str
    maps: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


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


def read_with(adapter: Adapter, incoming: Incoming) -> Reading:
    """Read the request with an adapter.

    Raises:
        Invalid: its shape is another one; the reason names the adapter that fits, if one does.
    """
    if adapter.fits(incoming):
        return adapter.read(incoming)
    other = next((each for each in ADAPTERS.values() if each is not adapter and each.fits(incoming)), None)
    hint = f" The adapter {other.name} fits it: POST /api/v1/ingest/{other.name}." if other else ""
    raise Invalid(f"The adapter {adapter.name} expects {adapter.expects}.{hint}")
