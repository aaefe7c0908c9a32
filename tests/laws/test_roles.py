"""Call each operation as it is deployed: by its path, in its own process, under its own role."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import moto.settings
import pytest

from chalicelib import aws, ids
from chalicelib.edge.route import Route
from infra.local import engine
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api, gateway_event
from tests.support.engine_state import take_snapshot
from tests.support.sample_data import SampleData, SampleRequest
from tests.support.sample_requests import ROUTES_BY_NAME, SAMPLE_REQUESTS
from tests.support.started_desk import HOST, ROOT, SHELL
from tests.support.template import (
    ACCOUNT,
    Function,
    called_by,
    functions,
    functions_by_alias,
    resolve_value,
    resources,
)

# IAM checks the actions of members. moto checks these actions of transactions and batches instead.
_MOTO_ACTIONS = {
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

    def __call__(self, route: Route, request: SampleRequest) -> tuple[int, str]:
        """Return the status and the body of the response."""
        sent = {"Content-Type": "application/json"} | request.headers_with(request.credential)
        event = gateway_event(
            route.method, request.path_for(route), sent, None if request.body is None else json.dumps(request.body)
        )
        function = _function(route.method, event["resource"])
        reply = self._run(function, event)
        assert reply is not None, f"{function.handler} did not answer"
        return int(reply["statusCode"]), str(reply["body"])

    def _run(self, function: Function, event: dict[str, Any]) -> Any:
        if function.handler not in self.keys:
            self.keys[function.handler] = _create_access_key(function)
        call = {
            "handler": function.handler,
            "event": event,
            "environment": self.environment | self.keys[function.handler],
        }
        assert self.server.stdin and self.server.stdout
        # moto checks permissions only during this call.
        moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
        try:
            self.server.stdin.write(json.dumps(call) + "\n")
            self.server.stdin.flush()
            return json.loads(self.server.stdout.readline())
        finally:
            moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = float("inf")


def _function(method: str, path: str) -> Function:
    """Return the function whose alias API Gateway calls for this path and method, which its role must allow."""
    paths = resources()["RestApi"]["Properties"]["Body"]["paths"]
    integration = paths[path][method.lower()]["x-amazon-apigateway-integration"]
    alias = resolve_value(integration["uri"]).partition("/functions/")[2].removesuffix("/invocations")
    (role, _) = integration["credentials"]["Fn::GetAtt"]
    assert alias in called_by(role), f"{role} may not call {alias}"
    return functions_by_alias()[alias]


def _create_access_key(function: Function, *, without: str = "") -> dict[str, str]:
    """Create credentials with the actions of the function's role, except those of one service.

    Tests of the template check the role's resources.
    """
    actions = {action for action, _ in function.allowed if not (without and action.startswith(f"{without}:"))}
    for service, more in _MOTO_ACTIONS.items():
        if any(action.startswith(f"{service}:") for action in actions):
            actions |= set(more)
    session: Any = aws.session()
    iam = session.client("iam")
    name = f"{function.handler.replace('.', '-')}-{without}"
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": sorted(actions), "Resource": "*"}]}
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="role", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def _store_secret_key() -> str:
    """Store the key of this process as the deployment's secret, and return its ARN."""
    client: Any = aws.secrets_manager()
    return str(client.create_secret(Name=ids.new_nonce(), SecretString=os.environ["FLUXDEN_SECRET_KEY"])["ARN"])


@pytest.fixture
def call(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    served = f"http://{HOST}:{engine.serve()}"
    environment = {
        "AWS_ENDPOINT_URL": served,
        "AWS_DEFAULT_REGION": engine.REGION,
        "FLUXDEN_QUEUES_URL": f"{served}/{ACCOUNT}",
        "FLUXDEN_SOCKETS_URL": served,
        # Every function could find the key, so what keeps it from others is their role.
        "FLUXDEN_SECRET_KEY": "",
        "FLUXDEN_SECRET_KEY_ID": _store_secret_key(),
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


def test_every_operation_works_alone_under_its_own_role(api: Api, call: Deployed, desk: Desk) -> None:
    snapshot = take_snapshot()
    for name, route in ROUTES_BY_NAME.items():
        status, text = call(route, SAMPLE_REQUESTS[name](SampleData(api, desk)))
        assert status == route.status, (name, status, text)
        snapshot.restore()


def test_an_operation_with_another_role_fails(call: Deployed, desk: Desk) -> None:
    handler = "chalicelib.api.v1.events.publish_event"
    call.keys[handler] = _create_access_key(functions()["chalicelib.api.v1.introspection.get_health"])
    status, text = call(ROUTES_BY_NAME["publish_event"], SampleRequest(desk.alice, inputs.new_event()))
    assert (status, json.loads(text)["code"]) == (500, "internal_error")


def test_a_function_reads_the_sealing_key_under_its_own_role_only(api: Api, call: Deployed, desk: Desk) -> None:
    request = SAMPLE_REQUESTS["register_instance"](SampleData(api, desk))
    handler = "chalicelib.api.v2.federation.register_instance"
    call.keys[handler] = _create_access_key(functions()[handler], without="secretsmanager")
    assert call(ROUTES_BY_NAME["register_instance"], request)[0] == 500
    del call.keys[handler]
    assert call(ROUTES_BY_NAME["register_instance"], request)[0] == 201
