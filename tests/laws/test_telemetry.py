"""What every function tells of itself: log lines with the ids of a call, metrics that the dashboard shows, traces."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from chalice.local import LambdaContext

from app import app
from chalicelib.core.domain.bounds import KEYS
from chalicelib.core.domain.measures import MEASURES
from chalicelib.edge.schedule import Schedule
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import FAN_OUT
from chalicelib.telemetry.metrics import NAMESPACE, SERVICE
from infra import catalog
from infra.local import engine
from infra.local.pump import Pump, to_lambda_record
from infra.local.socket_events import Connection
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api, gateway_event
from tests.support.engine_state import take_snapshot
from tests.support.faults import Fault, inject_faults, intercept_engine
from tests.support.log_lines import written_lines
from tests.support.sample_data import CANARY, SampleData
from tests.support.sample_requests import SAMPLE_REQUESTS, sample_request
from tests.support.started_desk import HOST, ROOT, SHELL
from tests.support.template import ACCOUNT, resources_of_type
from tests.support.worker_scenarios import WORKER_SCENARIOS, ScenarioContext

pytestmark = pytest.mark.engine("embedded")

Lines = list[dict[str, Any]]
CONSUMERS = {each.__name__: each for each in catalog.consumers(app)}
SCHEDULES = {each.__name__: each for each in catalog.schedules(app)}
BULK = {"event": inputs.new_event(), "recipients": [{"type": "email", "email": "alice@example.com"}]}


def shown_metrics() -> set[tuple[str, tuple[str, ...]]]:
    """Return our metrics on the dashboard, each with the names of its dimensions."""
    (board,) = resources_of_type("AWS::CloudWatch::Dashboard").values()
    widgets = json.loads(board["DashboardBody"]["Fn::Sub"])["widgets"]
    lines = [line for each in widgets for line in each["properties"]["metrics"]]
    return {(name, tuple(sorted(pairs[::2]))) for namespace, name, *pairs, _ in lines if namespace == NAMESPACE}


def written_metrics(lines: Lines) -> Iterator[tuple[str, dict[str, str]]]:
    """Return each metric of the lines, with its dimensions."""
    for line in lines:
        for about in line["_aws"]["CloudWatchMetrics"] if "_aws" in line else ():
            (names,) = about["Dimensions"]
            assert about["Namespace"] == NAMESPACE
            for metric in about["Metrics"]:
                assert all(isinstance(each, float) for each in line[metric["Name"]])
                yield metric["Name"], {name: line[name] for name in names}


def test_every_measure_is_on_the_dashboard_and_nothing_else() -> None:
    declared = {(each.name, tuple(sorted([*(name for name, _ in each.dimensions), SERVICE]))) for each in MEASURES}
    assert shown_metrics() == declared


def run_function(name: str) -> None:
    if name in CONSUMERS:
        Pump(CONSUMERS[name]).drain()
    else:
        schedule: Schedule = SCHEDULES[name]
        schedule({}, LambdaContext(name, 1024))


def run_scenario(name: str) -> None:
    scenario = WORKER_SCENARIOS[name]
    now = datetime.now(UTC)
    for minutes in (0, 6):
        with time_machine.travel(now + scenario.due_after + timedelta(minutes=minutes), tick=False):
            for each in (*scenario.functions, *scenario.helpers):
                run_function(each)


@pytest.mark.parametrize("name", WORKER_SCENARIOS)
def test_lines_of_workers_and_schedules_name_their_call(name: str, context: ScenarioContext) -> None:
    WORKER_SCENARIOS[name].arrange(context)
    with written_lines() as written:
        run_scenario(name)
    lines = written()
    check_lines(lines, DynamoDirectory().list_user_ids())
    metrics = list(written_metrics(lines))
    for each in WORKER_SCENARIOS[name].functions:
        if each in CONSUMERS:
            assert ("Messages", {"worker": each, "outcome": "done", SERVICE: "fluxden"}) in metrics
    assert metrics


def test_lines_of_every_operation_name_their_call(api: Api, desk: Desk) -> None:
    snapshot, shown = take_snapshot(), shown_metrics()
    for name in SAMPLE_REQUESTS:
        snapshot.restore()
        route, request = sample_request(name, SampleData(api, desk))
        with written_lines() as written:
            answer = request.send(api, route)
        lines = written()
        # Lines outlive the erasure of a person.
        check_lines(lines, DynamoDirectory().list_user_ids())
        (line,) = [each for each in lines if each.get("message") == "request" and each["operation"] == name]
        assert (line["status"], line["requestId"]) == (answer.status, answer.headers["x-request-id"])
        assert line["gatewayRequestId"] and line["function_request_id"] and line["correlation_id"] == line["requestId"]
        assert {metric for metric, _ in written_metrics(lines)} <= {metric for metric, _ in shown}, name


def test_every_measure_is_emitted_with_its_dimensions(context: ScenarioContext) -> None:
    """Together these calls use every metric that the dashboard shows."""
    api, desk = context.api, context.desk
    emitted: set[tuple[str, tuple[str, ...]]] = set()
    with written_lines() as written:
        context.request("receive_relay")
        for name in ("a bulk send", "a click", "a relay", "an approved instance", "a client that reconnects"):
            WORKER_SCENARIOS[name].arrange(context)
            run_scenario(name)
        for name in ("a browser notification", "an unanswered connection request", "a muted event"):
            WORKER_SCENARIOS[name].arrange(context)
            run_scenario(name)
        api.post("/api/v1/events", inputs.new_event(), desk.alice)
        api.post("/api/v1/events", {}, desk.alice)
        dict(catalog.sockets(app))["$connect"](Connection.new([]).connect_event(), LambdaContext("on_connect", 1024))
        with intercept_engine(), inject_faults(lambda *_: Fault.FULL):
            api.post("/api/v2/queue", {"title": "No room."}, desk.alice_key)
        for number in range(KEYS.most):
            api.post("/api/v2/keys", {"name": f"{number}"}, desk.bob_key)
        CONSUMERS["fan_out"](
            {"Records": [{"messageId": "1", "body": "no JSON", "attributes": {"ApproximateReceiveCount": "1"}}]}, None
        )
    values = {each.name: dict(each.dimensions) for each in MEASURES}
    for metric, dimensions in written_metrics(written()):
        emitted.add((metric, tuple(sorted(dimensions))))
        for name, value in dimensions.items():
            assert name == SERVICE or value in (values[metric][name] or (value,)), (metric, name, value)
    assert emitted == shown_metrics()


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("name", CONSUMERS)
def test_message_that_cannot_be_read_is_logged_without_its_content(name: str) -> None:
    fields = list(CONSUMERS[name].message.model_fields)
    bodies = ['"a secret"', "{a secret", json.dumps({each: ["a secret"] for each in fields})]
    records = [
        {"messageId": str(number), "body": body, "attributes": {"ApproximateReceiveCount": "1"}}
        for number, body in enumerate(bodies)
    ]
    with written_lines() as written:
        reply = CONSUMERS[name]({"Records": records}, LambdaContext(name, 1024))
    assert len(reply["batchItemFailures"]) == len(records)
    check_lines(written())
    assert "a secret" not in json.dumps(written())
    assert ("Faults", {"kind": "message", SERVICE: "fluxden"}) in list(written_metrics(written()))


def check_lines(lines: Lines, people: Iterable[str] = ()) -> None:
    """Check what every line must have, and that none has content of a message, a secret, or an id of these people."""
    named = [*people]
    assert lines
    for line in lines:
        assert line["service"] == "fluxden", line
        assert line["operation"], line
        assert "function_request_id" in line, line
        assert all(not isinstance(value, dict) for name, value in line.items() if name != "_aws"), "fields, not objects"
        text = json.dumps(line)
        for secret in (CANARY, "flux-tools-", "flux-in-pers-", "dvd_", "Bearer", *named):
            assert secret not in text, line


# ... and as they are deployed: in processes of their own.

_AS_ON_LAMBDA = """
import importlib, json, sys
class Context:
    function_name, memory_limit_in_mb, invoked_function_arn, aws_request_id = "fluxden-x", "1024", "arn:x", "run-1"
module, _, name = sys.argv[1].rpartition(".")
reply = getattr(importlib.import_module(module), name)(json.load(sys.stdin), Context())
loaded = sorted({each.partition(".")[0] for each in sys.modules} & {"aws_lambda_powertools", "aws_xray_sdk"})
print(json.dumps([reply, loaded]), file=sys.stderr)
"""


@dataclass(frozen=True)
class DeployedFunction:
    """A function in a process of its own; `lines` is what it has written to standard output."""

    environment: dict[str, str]

    def run(self, handler: str, event: dict[str, Any], **more: str) -> tuple[Any, list[str], Lines]:
        done = subprocess.run(
            [sys.executable, "-c", _AS_ON_LAMBDA, f"chalicelib.{handler}"],
            input=json.dumps(event),
            cwd=ROOT,
            env=SHELL | self.environment | more,
            capture_output=True,
            text=True,
            check=True,
        )
        reply, loaded = json.loads(done.stderr.splitlines()[-1])
        return reply, loaded, [json.loads(each) for each in done.stdout.splitlines()]


@pytest.fixture
def deployed(desk: Desk) -> DeployedFunction:
    served = f"http://{HOST}:{engine.serve()}"
    return DeployedFunction(
        {
            "AWS_ENDPOINT_URL": served,
            "AWS_DEFAULT_REGION": engine.REGION,
            "AWS_ACCESS_KEY_ID": engine.ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": engine.ACCESS_KEY,
            "AWS_LAMBDA_FUNCTION_NAME": "fluxden-x",
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
            "FLUXDEN_QUEUES_URL": f"{served}/{ACCOUNT}",
            "FLUXDEN_SOCKETS_URL": served,
            "FLUXDEN_SECRET_KEY": os.environ["FLUXDEN_SECRET_KEY"],
            "FLUXDEN_BASE_URL": "https://desk.test",
        }
    )


def test_request_is_followed_from_its_function_through_the_queue_to_the_worker(
    deployed: DeployedFunction, desk: Desk
) -> None:
    sent = {"Content-Type": "application/json", "Authorization": f"Bearer {desk.fd1}", "X-Request-Id": "req_followed"}
    event = gateway_event("POST", "/api/v1/events/bulk", sent, json.dumps(BULK))
    event["requestContext"]["extendedRequestId"] = "JKJaXmPLvHcESHA="
    reply, loaded, (line, metric) = deployed.run("api.v1.bulk.publish_bulk", event)
    assert (reply["statusCode"], loaded) == (202, [])
    shared = {"operation": "publish_bulk", "requestId": "req_followed", "function_request_id": "run-1"}
    shared |= {"gatewayRequestId": event["requestContext"]["requestId"], "extendedRequestId": "JKJaXmPLvHcESHA="}
    for each in (line, metric):
        assert each | shared == each
    assert (line["level"], line["status"], line["cold_start"]) == ("INFO", 202, True)
    assert metric["Publishes"] == [1.0]
    (message,) = Pump(CONSUMERS["fan_out"])._receive()
    _, loaded, lines = deployed.run("queues.fan_out.fan_out", {"Records": [to_lambda_record(FAN_OUT, message)]})
    assert loaded == ["aws_lambda_powertools"]
    (line,) = [each for each in lines if "_aws" not in each]
    assert line["message"] == "message" and line["outcome"] == "done"
    for each in lines:
        assert each["requestId"] == "req_followed", "the request that sent the message"
        assert (each["function_request_id"], each["operation"]) == ("run-1", "fan_out")
    assert {metric for metric, _ in written_metrics(lines)} == {"Deliveries", "FanOutLag", "Messages"}


def test_socket_and_schedule_write_their_lines_once(deployed: DeployedFunction) -> None:
    event = Connection.new([]).connect_event()
    reply, loaded, lines = deployed.run("sockets.desk.on_connect", event)
    assert (reply["statusCode"], loaded, len(lines)) == (401, [], 3)
    assert {each["gatewayRequestId"] for each in lines} == {event["requestContext"]["requestId"]}
    _, loaded, lines = deployed.run("schedules.due.announce_due_callbacks", {})
    assert (loaded, lines) == (["aws_lambda_powertools"], []), "nothing was due"


def test_traces_are_recorded_where_the_setting_turns_them_on(deployed: DeployedFunction, desk: Desk) -> None:
    sent = {"Content-Type": "application/json", "Authorization": f"Bearer {desk.alice}"}
    event = gateway_event("POST", "/api/v1/events", sent, json.dumps(inputs.new_event(title="A secret title")))
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as daemon:
        daemon.bind((HOST, 0))
        daemon.settimeout(0.2)
        more = {
            "AWS_XRAY_DAEMON_ADDRESS": f"{HOST}:{daemon.getsockname()[1]}",
            "LAMBDA_TASK_ROOT": "/var/task",
            "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
        }
        reply, loaded, _ = deployed.run("api.v1.events.publish_event", event, **more)
        assert (reply["statusCode"], loaded) == (202, [])
        with pytest.raises(TimeoutError):
            daemon.recv(65_536)
        reply, loaded, (line, *_) = deployed.run("api.v1.events.publish_event", event, FLUXDEN_TRACING="1", **more)
        assert (reply["statusCode"], loaded) == (200, ["aws_lambda_powertools", "aws_xray_sdk"])
        segments = list(_read_segments(daemon))
    assert line["xray_trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"
    (ours,) = [each for each in segments if each["name"] == "publish_event"]
    assert (ours["annotations"]["status"], ours["annotations"]["storeCalls"]) == (200, line["storeCalls"])
    text = json.dumps(segments)
    assert "dynamodb" in text
    assert "secret title" not in text
    assert desk.alice[20:40] not in text


def _read_segments(daemon: socket.socket) -> Iterator[dict[str, Any]]:
    while True:
        try:
            _, _, body = daemon.recv(65_536).partition(b"\n")
        except TimeoutError:
            return
        yield json.loads(body)
