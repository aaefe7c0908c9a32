"""Keys that many people, tokens or desks write to are declared, and none of them can hold up publishing."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from app import app
from chalicelib.core.domain.fields import timestamp
from chalicelib.inbox.domain.bulk_changes import PER_STEP
from chalicelib.resources import FAN_OUT, SENT_INDEX, SOCKET_WORK
from infra import catalog
from infra.shared_keys import SHARED_KEYS, SharedKey
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.pump import Pumps
from tests.support.sample_data import SampleData
from tests.support.sample_requests import SAMPLE_REQUESTS, sample_request
from tests.support.sockets import Sockets
from tests.support.worker_scenarios import WORKER_SCENARIOS, ScenarioContext
from tests.support.written_keys import Partition, Written, record_written_partitions

pytestmark = pytest.mark.engine("embedded")

# What one integrator's event type has to bear.
PUBLISHED_A_SECOND = 5_000
EVENTS = "/api/v1/events"


@pytest.fixture(autouse=True)
def _short_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_STREAM_HOLD_SECONDS", "1")


def declared(partition: Partition) -> list[SharedKey]:
    return [
        each
        for each in SHARED_KEYS
        if (each.table.name, each.index) == (partition.table, partition.index)
        and re.fullmatch(each.pattern, partition.key)
    ]


def list_shared(written: Written) -> list[tuple[SharedKey, int]]:
    """Return the kind of each shared partition, with the units that were written to it."""
    found = []
    for partition, units in written.units.items():
        kinds = declared(partition)
        if partition.is_shared or kinds:
            assert len(kinds) == 1, f"Declare in infra/shared_keys.py who shares {partition}, or spread it"
            found.append((kinds[0], units))
    return found


@pytest.mark.usefixtures("sockets")
@pytest.mark.parametrize("name", sorted(SAMPLE_REQUESTS))
def test_an_operation_writes_only_to_declared_shared_keys(api: Api, desk: Desk, name: str) -> None:
    route, request = sample_request(name, SampleData(api, desk))
    with record_written_partitions() as written:
        assert request.send(api, route).status == route.status
    assert [(kind, units) for kind, units in list_shared(written) if units > kind.units] == []


@pytest.mark.usefixtures("_retry_immediately")
@pytest.mark.parametrize("name", sorted(WORKER_SCENARIOS))
def test_a_worker_writes_only_to_declared_shared_keys(context: ScenarioContext, pump: Pumps, name: str) -> None:
    scenario = WORKER_SCENARIOS[name]
    scenario.arrange(context)
    workers = {each.__name__: each.queue for each in catalog.consumers(app)}
    with time_machine.travel(datetime.now(UTC) + scenario.due_after, tick=False):
        for function in (*scenario.functions, *scenario.helpers):
            with record_written_partitions() as written:
                if function in workers:
                    pump.drain(workers[function])
                else:
                    pump.run(function)
            list_shared(written)


def test_publishing_shares_only_keys_of_one_integrator_that_bear_many_events(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps
) -> None:
    sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    event = inputs.new_event(labels={"build": "17"})
    with record_written_partitions() as written:
        delivery = api.post(EVENTS, event, desk.alice).json["deliveryId"]
        api.post(f"{EVENTS}/{delivery}/supplement", {"supplement": "More"}, desk.alice)
        api.post(f"{EVENTS}/{delivery}/resolve", {}, desk.alice)
        recipients = [{"type": "email", "email": "alice@example.com"}]
        body = {"event": inputs.new_event(labels={"build": "17"}), "recipients": recipients}
        assert api.post(f"{EVENTS}/bulk", body, desk.fd1).status == 202
        pump.drain(FAN_OUT)
        pump.drain(SOCKET_WORK)
    shared = [(partition, each) for partition in written.units for each in declared(partition)]
    assert {each.index for _, each in shared} == {SENT_INDEX, ""}
    for partition, each in shared:
        assert "fd1" in partition.key
        assert each.writes_a_second >= PUBLISHED_A_SECOND


def test_the_largest_step_of_a_bulk_change_writes_no_more_than_is_declared(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUXDEN_PERSONAL_BUDGET", "100000")
    ids = [api.post(EVENTS, inputs.new_event(), desk.alice).json["deliveryId"] for _ in range(PER_STEP)]
    for hours in (1, 2):
        until = timestamp(datetime.now(UTC) + timedelta(hours=hours))
        body = {"action": "snooze", "ids": ids, "snoozedUntil": until}
        with record_written_partitions() as written:
            answer = api.post("/api/v1/inbox/bulk", body, desk.alice_key)
            assert (answer.status, answer.json["changed"]) == (200, PER_STEP)
        total: Counter[SharedKey] = Counter()
        for kind, units in list_shared(written):
            total[kind] += units
        assert [(kind, units) for kind, units in total.items() if units > kind.units] == []
        [snoozes] = [kind for kind in total if kind.pattern.startswith("snoozes")]
        # One bulk change of a person uses more than half of the partitions.
        assert total[snoozes] >= PER_STEP
        assert sum(kind is snoozes for kind, _ in list_shared(written)) > snoozes.partitions // 2
