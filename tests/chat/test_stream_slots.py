"""The event streams that are held open: bounded for a person, and for a desk whose streams are held by functions."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.chat.stores.stream_slots import DynamoStreamSlots
from chalicelib.core.domain.measures import BOUNDS_MET, collect
from chalicelib.settings import settings
from tests.conftest import Desk
from tests.support.api import Api

STREAM = "/api/v2/shared-chat/stream"


def test_above_the_bound_of_the_desk_a_reply_ends_at_once_and_gone_holders_count_no_longer(
    desk: Desk,
) -> None:
    now, slots = datetime.now(UTC), DynamoStreamSlots(2)
    until = now + timedelta(seconds=60)
    with collect() as collected:
        first, second = (slots.take(name, until=until, now=now) for name in ("alice", "bob"))
        assert first and second
        assert slots.take("carol", until=until, now=now) is None
    assert [(each.measure, each.dimensions) for each in collected] == [(BOUNDS_MET, (("bound", "desk-streams"),))]
    slots.give_back(first)
    third = slots.take("carol", until=until, now=now)
    assert third
    assert slots.take("dave", until=until, now=now) is None
    # Their functions have ended without giving them back.
    later = now + timedelta(seconds=61)
    assert slots.take("dave", until=later + timedelta(seconds=60), now=later)
    # A host has no bound of the desk here.
    assert all(DynamoStreamSlots().take("erin", until=until, now=later) for _ in range(3))


def test_a_function_holds_a_slot_of_the_desk_while_it_waits(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUXDEN_STREAM_HOLD_SECONDS", "1")
    monkeypatch.setenv("FLUXDEN_STREAMS_PER_DESK", "1")
    settings.cache_clear()
    held = DynamoStreamSlots(1).take("somebody", until=datetime.now(UTC) + timedelta(minutes=1), now=datetime.now(UTC))
    assert held
    headers = {"Last-Event-ID": api.get(STREAM, desk.bob_key).text.partition("id: ")[2].split("\n")[0]}
    full = api.get(STREAM, desk.bob_key, headers=headers)
    assert (full.status, "retry: 10000" in full.text, "event: heartbeat" in full.text) == (200, True, True)
    DynamoStreamSlots(1).give_back(held)
    assert "retry: 10000" not in api.get(STREAM, desk.bob_key, headers=headers).text
