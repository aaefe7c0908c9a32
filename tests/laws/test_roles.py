"""Each operation as it is deployed: by its own path, in a process of its own, under its own role."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import moto.settings
import pytest

from chalicelib import aws
from chalicelib.edge.route import Route
from infra.local import engine
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api, gateway_event
from tests.support.engine_state import take_snapshot
from tests.support.sample_data import SampleData, SampleRequest
from tests.support.sample_requests import ROUTES_BY_NAME, SAMPLE_REQUESTS
from tests.support.started_desk import HOST, ROOT, SHELL
from tests.support.template import ACCOUNT, Function, functions, made, resolve_value

# An item's actions are asked for, not a transaction's or a batch's; the tests' engine knows these only.
_TOGETHER = {
    "dynamodb": ("dynamodb:TransactWriteItems", "dynamodb:TransactGetItems"),
    "sqs": ("sqs:SendMessageBatch", "sqs:DeleteMessageBatch", "sqs:ChangeMessageVisibilityBatch"),
}

pytestmark = pytest.mark.engine("embedded")


@dataclass
class Deployed:
    """Calls operations by the paths of the template."""

    server: subprocess.Popen[str]
    environment: dict[str, str]
    keys: dict[str, dict[str, str]] = field(default_factory=dict)

    def __call__(self, route: Route, ask: SampleRequest) -> tuple[int, str]:
        """The reply's status and body."""
        sent = {"Content-Type": "application/json"} | ask.headers_with(ask.credential)
        event = gateway_event(
            route.method, ask.path_for(route), sent, None if ask.body is None else json.dumps(ask.body)
        )
        function = _function(route.method, event["resource"])
        reply = self._run(function, event)
        assert reply is not None, f"{function.handler} did not answer"
        return int(reply["statusCode"]), str(reply["body"])

    def _run(self, function: Function, event: dict[str, Any]) -> Any:
        if function.handler not in self.keys:
            self.keys[function.handler] = _key(function)
        told = {
            "handler": function.handler,
            "event": event,
            "environment": self.environment | self.keys[function.handler],
        }
        assert self.server.stdin and self.server.stdout
        # From here on every call is asked for its permission; what prepares the next is not.
        moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
        try:
            self.server.stdin.write(json.dumps(told) + "\n")
            self.server.stdin.flush()
            return json.loads(self.server.stdout.readline())
        finally:
            moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = float("inf")


def _function(method: str, path: str) -> Function:
    """The function that the template has behind this path and method."""
    paths = made()["Resources"]["RestApi"]["Properties"]["DefinitionBody"]["paths"]
    uri = resolve_value(paths[path][method.lower()]["x-amazon-apigateway-integration"]["uri"])
    name = uri.rpartition(":function:")[2].removesuffix("/invocations")
    return _named()[name]


@cache
def _named() -> dict[str, Function]:
    return {resolve_value(each.properties["FunctionName"]): each for each in functions().values()}


def _key(function: Function) -> dict[str, str]:
    """Credentials of somebody who may do what the function's role allows; the resources are compared elsewhere."""
    actions = {action for action, _ in function.allowed}
    for service, more in _TOGETHER.items():
        if any(action.startswith(f"{service}:") for action in actions):
            actions |= set(more)
    iam: Any = aws.session().create_client("iam")
    name = function.handler.replace(".", "-")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": sorted(actions), "Resource": "*"}]}
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="role", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


@pytest.fixture
def call(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    served = f"http://{HOST}:{engine.serve()}"
    environment = {
        "AWS_ENDPOINT_URL": served,
        "AWS_DEFAULT_REGION": engine.REGION,
        "FLUXDEN_QUEUES_URL": f"{served}/{ACCOUNT}",
        "FLUXDEN_SOCKETS_URL": served,
        "FLUXDEN_SECRET_KEY": os.environ["FLUXDEN_SECRET_KEY"],
        "FLUXDEN_STREAM_HOLD_SECONDS": "1",
        "FLUXDEN_BASE_URL": "https://desk.test",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.function_server"],
        cwd=ROOT,
        env=SHELL | dict.fromkeys(("FLUXDEN_KEY_BUDGET", "FLUXDEN_PLATFORM_BUDGET"), "1000000"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        yield Deployed(server, environment)


def test_every_operation_works_alone_and_with_no_more_than_its_role_allows(
    api: Api, call: Deployed, desk: Desk
) -> None:
    as_new = take_snapshot()
    for name, route in ROUTES_BY_NAME.items():
        status, text = call(route, SAMPLE_REQUESTS[name](SampleData(api, desk)))
        assert status == route.status, (name, status, text)
        as_new.restore()


def test_without_its_role_an_operation_does_nothing(call: Deployed, desk: Desk) -> None:
    handler = "chalicelib.api.v1.events.publish_event"
    call.keys[handler] = _key(functions()["chalicelib.api.v1.introspection.get_health"])
    status, text = call(ROUTES_BY_NAME["publish_event"], SampleRequest(desk.alice, inputs.new_event()))
    assert (status, json.loads(text)["code"]) == (500, "internal_error")
