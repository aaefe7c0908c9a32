"""Every function of the packaged zip answers under AWS's runtime client, on DynamoDB Local and ElasticMQ."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from chalicelib import aws
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.items import to_item
from chalicelib.edge.consumer import Consumer
from chalicelib.edge.socket import SocketRoute
from chalicelib.resources import DELIVERIES, Queue
from infra.local import engine
from infra.local.pump import Pump
from tests.laws.test_worker_faults import CONSUMERS, DELAYED
from tests.support import engine_state
from tests.support.api import gateway_event
from tests.support.lambda_runtime import (
    DeployedFunction,
    RunningFunction,
    link_runtime_client,
    list_deployed_functions,
    unpack_code,
)
from tests.support.pump import count_messages
from tests.support.receiver import Receiver
from tests.support.sample_data import SampleData
from tests.support.sample_requests import ROUTES_BY_NAME, SAMPLE_REQUESTS
from tests.support.sockets import Sockets
from tests.support.template import served_functions
from tests.support.worker_scenarios import WORKER_SCENARIOS, ScenarioContext, scan_rows

pytestmark = pytest.mark.engine("real")

SOCKET_ROUTES = {
    each.source.route_key: each.handler for each in served_functions().values() if isinstance(each.source, SocketRoute)
}
HANDLERS = {each.name: each.handler for each in served_functions().values()}
# A replay and the callbacks that it sends take a round each, and what waited for an endpoint is looked through twice.
_MOST_ROUNDS = 3
# Overdue work is announced after this time.
OVERDUE = timedelta(minutes=15)


@dataclass
class Deployed:
    """The functions of a stack. Each starts with its first event, in a process of its own."""

    functions: dict[str, DeployedFunction]
    path: list[Path]
    environment: dict[str, str]
    folder: Path
    running: ExitStack
    started: dict[str, RunningFunction] = field(default_factory=dict)

    def invoke(self, handler: str, event: dict[str, Any]) -> Any:
        if handler not in self.started:
            made = RunningFunction(self.functions[handler], self.path, self.environment, self.folder / f"{handler}.log")
            self.started[handler] = self.running.enter_context(made)
        return self.started[handler].invoke(event)


@dataclass(frozen=True)
class DeployedWorker:
    """A worker, for the pump that is its event source mapping."""

    worker: Consumer
    deployed: Deployed

    @property
    def queue(self) -> Queue:
        return self.worker.queue

    @property
    def batch_size(self) -> int:
        return self.worker.batch_size

    @property
    def __name__(self) -> str:
        return self.worker.__name__

    def __call__(self, event: dict[str, Any], context: Any) -> Any:  # noqa: ARG002 - of the protocol
        return self.deployed.invoke(HANDLERS[self.__name__], event)


@pytest.fixture
def deployed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> Iterator[Deployed]:
    """Return the functions of a stack whose tables and queues are this test's engines."""
    key = os.environ["FLUXDEN_SECRET_KEY"]
    functions = list_deployed_functions(
        BaseUrl=os.environ["FLUXDEN_BASE_URL"],
        SocketsUrl=engine.environment()["FLUXDEN_SOCKETS_URL"],
        SocketHeartbeats="1",
        AllowLoopback="1",
        StreamHoldSeconds="1",
        StoreClient=os.environ.get("FLUXDEN_STORE_CLIENT", "lean"),
    )
    with ExitStack() as running:
        secrets = running.enter_context(Receiver())
        secrets.status, secrets.body = 200, json.dumps({"SecretString": key}).encode()
        environment = {
            name: url for name, url in engine.environment().items() if name.startswith("AWS_ENDPOINT_URL")
        } | {"AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://{engine.HOST}:{secrets.port}"}
        folder = tmp_path_factory.getbasetemp()
        # A worker's folder is in that of the test run, which all its workers share.
        code = unpack_code(folder.parent if hasattr(request.config, "workerinput") else folder)
        yield Deployed(functions, [*code, link_runtime_client(tmp_path)], environment, tmp_path, running)
    engine_state.engine().refresh()


def test_every_function_of_the_template_gets_an_event() -> None:
    scenarios = {name for each in WORKER_SCENARIOS.values() for name in each.functions}
    covered = {HANDLERS[name] for name in SAMPLE_REQUESTS.keys() | scenarios} | set(SOCKET_ROUTES.values())
    assert covered == list_deployed_functions().keys()


@pytest.mark.parametrize("name", sorted(SAMPLE_REQUESTS))
def test_an_operation_answers_under_the_runtime_client(context: ScenarioContext, deployed: Deployed, name: str) -> None:
    request, route = SAMPLE_REQUESTS[name](SampleData(context.api, context.desk)), ROUTES_BY_NAME[name]
    sent = {"Content-Type": "application/json"} | request.headers_with(request.credential)
    body = None if request.body is None else json.dumps(request.body)
    event = gateway_event(route.method, request.path_for(route), sent, body)
    response = deployed.invoke(HANDLERS[name], event)
    assert response["statusCode"] == route.status, response
    lines = [*deployed.started[HANDLERS[name]].lines()]
    (line,) = (each for each in lines if each.get("message") == "request" and each["operation"] == name)
    assert (line["status"], line["function_name"]) == (route.status, deployed.functions[HANDLERS[name]].name)


@pytest.mark.usefixtures("_retry_immediately")
@pytest.mark.parametrize("name", [each for each in WORKER_SCENARIOS if each != DELAYED])
def test_workers_and_schedules_finish_their_work_under_the_runtime_client(
    context: ScenarioContext, deployed: Deployed, name: str
) -> None:
    scenario = WORKER_SCENARIOS[name]
    # The functions have the clock of the machine, so their work was created in the past.
    with time_machine.travel(datetime.now(UTC) - scenario.due_after - OVERDUE):
        scenario.arrange(context)
    context.forget_sent()
    for _ in range(_MOST_ROUNDS):
        for function in (*scenario.helpers, *scenario.functions):
            if function in CONSUMERS:
                Pump(DeployedWorker(CONSUMERS[function], deployed)).drain()
            else:
                deployed.invoke(HANDLERS[function], {})
        # A helper that runs before what sends it work has its turn in the next round.
        has_sent = len({*scenario.list_sent(context)}) >= scenario.sent_count
        if has_sent and scenario.read_result(context) == scenario.expected:
            break
        _make_replays_due()
    assert {HANDLERS[each] for each in scenario.functions} <= deployed.started.keys()
    assert scenario.read_result(context) == scenario.expected
    assert len({*scenario.list_sent(context)}) == scenario.sent_count
    queues = [CONSUMERS[each].queue for each in scenario.functions if each in CONSUMERS]
    assert [(count_messages(each), count_messages(each.dead_letters)) for each in queues] == [(0, 0)] * len(queues)


def _make_replays_due() -> None:
    """Make every replay that goes on due: the clock of the functions is not the test's to move."""
    for row in scan_rows(DELIVERIES):
        if row["pk"].startswith("REPLAY#") and "dueAt" in row:
            item = to_item(row | {"dueAt": timestamp(datetime.now(UTC) - OVERDUE)})
            aws.dynamodb().put_item(TableName=DELIVERIES.physical_name, Item=item)


def test_heartbeats_are_queued_under_the_runtime_client(context: ScenarioContext, deployed: Deployed) -> None:
    # Their messages are delayed, and what becomes of one is the work of the function that serves sockets.
    WORKER_SCENARIOS[DELAYED].arrange(context)
    schedule, _ = WORKER_SCENARIOS[DELAYED].functions
    queue = CONSUMERS["serve_sockets"].queue
    deployed.invoke(HANDLERS[schedule], {})
    assert count_messages(queue) > 0


def test_a_socket_is_served_under_the_runtime_client(context: ScenarioContext, deployed: Deployed) -> None:
    def function(route_key: str) -> Any:
        return lambda event, _: deployed.invoke(SOCKET_ROUTES[route_key], event)

    sockets = Sockets({route_key: function(route_key) for route_key in SOCKET_ROUTES})
    engine.route_sockets(sockets)
    try:
        client = sockets.connect(context.desk.bob_key)
        assert client.status == 101
        Pump(DeployedWorker(CONSUMERS["serve_sockets"], deployed)).drain()
        client.send({"action": "ping"})
        client.send({"action": "send", "content": "hello"})
        client.close()
    finally:
        engine.unroute_sockets(sockets)
    assert [each["type"] for each in client.frames] == ["connected", "heartbeat", "new_message"]
    assert {*SOCKET_ROUTES.values()} <= deployed.started.keys()
