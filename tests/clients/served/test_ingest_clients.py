"""Clients of other systems, as they come from their registry, pointed at a desk."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from pagerduty import EventsApiV2Client, HttpError
from python_ntfy import NtfyClient

from tests.support.started_desk import StartedDesk

pytestmark = pytest.mark.engine("embedded")


class WithoutTls(httpx2.HTTPTransport):
    """Sends to the desk on loopback what the client insists on sending by HTTPS."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.url = request.url.copy_with(scheme="http")
        return super().handle_request(request)


@pytest.fixture
def pager(started: StartedDesk, url: str) -> Iterator[EventsApiV2Client]:
    base_url = url.replace("http:", "https:") + address_for(started, "pagerduty")
    with EventsApiV2Client("any", base_url=base_url, transport=WithoutTls()) as client:
        yield client


def address_for(started: StartedDesk, adapter: str) -> str:
    made = started.call("POST", "/api/v1/ingest-tokens", {"adapter": adapter, "name": "Client"}, started.alice)
    assert made.status == 201, made.body
    return f"/api/v1/ingest/{adapter}/{made.json['token']}"


def find(started: StartedDesk, title: str) -> dict[str, Any]:
    items = started.call("GET", "/api/v1/inbox?limit=100", token=started.alice_key).json["items"]
    (found,) = [each for each in items if each["title"] == title]
    return dict(found)


def test_pagerdutys_client_triggers_acknowledges_and_resolves(started: StartedDesk, pager: EventsApiV2Client) -> None:
    key = pager.trigger("The queue of payments grows", "mq-1", severity="critical", custom_details={"depth": 812})
    assert find(started, "The queue of payments grows")["externalStatus"] == "firing"
    assert pager.acknowledge(key) == key
    assert pager.resolve(key) == key

    item = find(started, "The queue of payments grows")
    assert (item["severity"], item["externalStatus"], bool(item["resolvedAt"])) == ("critical", "resolved", True)
    detail = started.call("GET", f"/api/v1/inbox/{item['deliveryId']}", token=started.alice_key).json
    assert [each["markdownBody"] for each in detail["supplements"]] == ["Acknowledged."]


def test_pagerdutys_client_is_told_what_is_wrong(pager: EventsApiV2Client) -> None:
    with pytest.raises(HttpError) as refused:
        pager.send_event("trigger", payload={"summary": "x", "source": "y", "severity": "loud"})
    assert refused.value.response is not None
    assert refused.value.response.status_code == 400
    assert "payload.severity must be one of" in refused.value.response.text


def test_a_client_of_ntfy_publishes_to_the_token_as_its_topic(started: StartedDesk, url: str) -> None:
    server, _, topic = address_for(started, "ntfy").rpartition("/")
    client = NtfyClient(topic, server=url + server)

    client.send(
        "Nightly backup of db-1 failed",
        title="Backup by ntfy",
        priority=client.MessagePriority.HIGH,
        tags=["floppy_disk"],
        actions=[client.ViewAction("Open the log", "https://ci.example.com/7")],
    )

    item = find(started, "Backup by ntfy")
    assert (item["severity"], item["summary"]) == ("warn", "Nightly backup of db-1 failed")
    detail = started.call("GET", f"/api/v1/inbox/{item['deliveryId']}", token=started.alice_key).json
    assert [each["label"] for each in detail["actions"]] == ["Open the log"]
    assert detail["labels"] == {"tags": "floppy_disk"}
