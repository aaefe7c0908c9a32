"""Ambient relays, and the filters of their recipients."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from tests.conftest import Desk
from tests.federation.relays.relay_calls import peer_messages, receive_relay, stored_relay
from tests.support.api import Api
from tests.support.sockets import Sockets


def test_a_repeat_of_an_accepted_relay_is_not_filtered(api: Api, desk: Desk, token: str) -> None:
    first = receive_relay(api, token, payload={"ambient": True}).json
    api.call("PATCH", "/api/v2/profile", {"relayMode": "off"}, token=desk.alice_key)
    again = receive_relay(api, token, payload={"ambient": True}).json
    assert (again["relayId"], again["duplicate"]) == (first["relayId"], True)


@pytest.mark.parametrize(
    ("profile", "payload", "reason", "detail"),
    [
        ({"relayMode": "off"}, {}, "ambient-disabled", "relay_mode_off"),
        ({"relayMode": "minimal"}, {}, "ambient-disabled", "relay_mode_minimal_blocks_ambient"),
        ({"allowAmbientInbound": False}, {}, "ambient-disabled", "ambient_inbound_disabled"),
        ({"relayTopicFilters": ["Sales"]}, {"topic": "sALES"}, "topic-filter", "topic_filtered:sALES"),
        ({"relayTopicFilters": ["Sales"]}, {"_topic": "sales"}, "topic-filter", "topic_filtered:sales"),
        ({"relayTopicFilters": [{"topic": "sales"}]}, {"topic": "sales"}, "topic-filter", "scope_filtered:topic=sales"),
        (
            {"relayQuietHours": {"start": "00:00", "end": "00:00"}},
            {},
            "quiet-hours",
            "quiet_hours",
        ),
        ({"relayMode": "off", "relayTopicFilters": ["a"]}, {"topic": "a"}, "ambient-disabled", "relay_mode_off"),
    ],
)
def test_ambient_relays_are_filtered_as_the_profile_says(
    api: Api, desk: Desk, token: str, profile: Any, payload: Any, reason: str, detail: str
) -> None:
    api.call("PATCH", "/api/v2/profile", profile, token=desk.alice_key)
    answer = receive_relay(api, token, payload=payload | {"_ambient": True})
    assert answer.json == {
        "success": True,
        "ambient": True,
        "filtered": True,
        "reason": reason,
        "reasonDetail": detail,
    }
    assert peer_messages(api, desk.alice_key) == []
    taken = receive_relay(api, token, payload=payload)
    assert "filtered" not in taken.json, "what is asked for comes through"


@pytest.mark.parametrize(
    ("profile", "payload"),
    [
        ({"relayTopicFilters": ["sales"]}, {"topic": "support"}),
        ({"relayTopicFilters": ["sales"]}, {}),
        ({"relayTopicFilters": [{"topic": "sales", "teamId": "t"}]}, {"topic": "sales"}),
        ({"relayTopicFilters": [{}]}, {"topic": "sales"}),
        ({"relayMode": "selective", "allowBroadcasts": False}, {}),
        ({"relayQuietHours": {"start": "22:00", "end": "08:00"}}, {}),
    ],
)
def test_other_ambient_relays_are_accepted_and_notify_nobody(
    api: Api, desk: Desk, token: str, sockets: Sockets, profile: Any, payload: Any
) -> None:
    with time_machine.travel(datetime(2026, 5, 21, 12, 0, tzinfo=UTC), tick=False):
        api.call("PATCH", "/api/v2/profile", profile, token=desk.alice_key)
        answer = receive_relay(api, token, payload=payload | {"ambient": True})
    assert answer.json["ambient"] is True
    assert "filtered" not in answer.json
    assert len(peer_messages(api, desk.alice_key)) == 1
    assert stored_relay(desk, answer.json["relayId"])["priority"] == "low"


@pytest.mark.parametrize(("hour", "filtered"), [(23, True), (7, True), (8, False), (12, False)])
def test_quiet_hours_can_span_midnight(api: Api, desk: Desk, token: str, hour: int, filtered: bool) -> None:
    hours = {"start": "22:00", "end": "08:00", "timezone": "UTC"}
    api.call("PATCH", "/api/v2/profile", {"relayQuietHours": hours}, token=desk.alice_key)
    with time_machine.travel(datetime(2026, 5, 21, hour, 0, tzinfo=UTC), tick=False):
        assert receive_relay(api, token, intent="share_update", priority="low").json.get("filtered", False) is filtered


def test_topic_filters_use_the_resolved_scope(api: Api, desk: Desk, token: str) -> None:
    project = desk.demo["project_id"]
    api.call("PATCH", "/api/v2/profile", {"relayTopicFilters": [{"projectId": project}]}, token=desk.alice_key)
    ambient: dict[str, Any] = {"payload": {"ambient": True}}
    assert (
        receive_relay(api, token, **ambient, projectId=project).json["reasonDetail"]
        == f"scope_filtered:projectId={project}"
    )
    assert "filtered" not in receive_relay(api, token, **ambient).json
