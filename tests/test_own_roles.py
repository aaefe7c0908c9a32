"""Each operation as it is deployed: by its own path, in a process of its own, under its own role."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import moto.settings
import pytest

from chalicelib import aws
from chalicelib.domain.fields import timestamp
from chalicelib.domain.peering import Initiator, Peering, PeeringStatus
from chalicelib.stores.peers import DynamoPeers, token_hash
from infra.local import engine
from tests.conftest import Desk
from tests.support import hub, make
from tests.support.api import SERVED, gateway_event
from tests.support.federation import TOKEN, allow, request
from tests.support.system import HOST, ROOT, SHELL
from tests.support.template import ACCOUNT, Function, functions, made, resolved

# An item's actions are asked for, not a transaction's or a batch's; the tests' engine knows these only.
_TOGETHER = {"dynamodb": ("dynamodb:TransactWriteItems", "dynamodb:TransactGetItems"), "sqs": ("sqs:SendMessageBatch",)}


@dataclass
class Deployed:
    """Calls operations by the paths of the template, and notes which."""

    server: subprocess.Popen[str]
    environment: dict[str, str]
    keys: dict[str, dict[str, str]] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)

    def __call__(self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str) -> Any:
        """The reply's JSON; the call must succeed."""
        status, text = self.status(method, path, body, token, **headers)
        assert status < 300, (method, path, status, text)
        return json.loads(text) if text.startswith("{") else text

    def status(
        self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str
    ) -> tuple[int, str]:
        sent = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        event = gateway_event(method, path, sent, None if body is None else json.dumps(body))
        function = _function(method, event["resource"])
        self.called.add(SERVED[method, event["resource"]].__name__)
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
    uri = resolved(paths[path][method.lower()]["x-amazon-apigateway-integration"]["uri"])
    name = uri.rpartition(":function:")[2].removesuffix("/invocations")
    return next(each for each in functions().values() if resolved(each.properties["FunctionName"]) == name)


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


def test_every_operation_works_alone_and_with_no_more_than_its_role_allows(call: Deployed, desk: Desk) -> None:
    _publishing(call, desk)
    _catalog(call, desk)
    _queue(call, desk.alice_key)
    _board(call, desk.alice_key)
    _person(call, desk.alice_key)
    _network(call, desk)
    _peers(call, desk)
    told = len(call.called)
    for (method, path), route in SERVED.items():
        if route.__name__ not in call.called:
            # Not part of these stories: it is loaded, and answers a stranger.
            status, text = call.status(method, path.replace("{", "").replace("}", ""))
            assert status < 500, (method, path, status, text)
    assert told >= 84
    assert call.called == {route.__name__ for route in SERVED.values()}


def test_without_its_role_an_operation_does_nothing(call: Deployed, desk: Desk) -> None:
    handler = "chalicelib.api.v1.events.publish_event"
    call.keys[handler] = _key(functions()["chalicelib.api.v1.introspection.get_health"])
    status, text = call.status("POST", "/api/v1/events", make.event(), desk.alice)
    assert (status, json.loads(text)["code"]) == (500, "internal_error")


def _publishing(call: Deployed, desk: Desk) -> None:
    for path in ("/api/v1/health", "/api/v1/openapi.json", "/api/v1/docs", "/api/v1/docs/start.js"):
        call("GET", path)
    actions = [{"label": "Go", "action_type": "webhook", "webhook_url": "https://hooks.example.com/x"}]
    event = make.event(actions=actions)
    sent = call("POST", "/api/v1/events", event, desk.alice, Idempotency_Key="k-1")["deliveryId"]
    call("GET", f"/api/v1/events/{sent}", None, desk.alice)
    call("POST", f"/api/v1/events/{sent}/supplement", {"markdown_body": "More."}, desk.alice)
    call("POST", f"/api/v1/events/{sent}/resolve", {"resolution_note": "Done."}, desk.alice)
    call("GET", "/api/v1/inbox", None, desk.alice_key)
    call("GET", f"/api/v1/inbox/{sent}", None, desk.alice_key)
    call("POST", f"/api/v1/inbox/{sent}/actions/0", None, desk.alice_key)
    call("GET", "/api/v1/event-types", None, desk.alice)
    people = [{"type": "email", "email": f"{name}@example.com"} for name in ("alice", "carol")]
    call("POST", "/api/v1/events/bulk", {"recipients": people, "event": make.event()}, desk.fd1)
    call("POST", "/api/v1/tokens/claim", {"email": "bob@example.com"}, desk.fd1)
    call("POST", "/api/v1/tokens/claim/batch", {"claims": [{"email": "carol@example.com"}]}, desk.fd1)
    call("GET", "/api/v1/integrators", None, desk.fd1)


def _catalog(call: Deployed, desk: Desk) -> None:
    items, approvals = "/api/v1/catalog/items", "/api/v1/catalog/approvals"
    call("GET", items, None, desk.fd1)
    call("POST", items, {"slug": "tool", "name": "Tool", "type": "other"}, desk.fd1)
    call("GET", f"{items}/tool", None, desk.fd1)
    call("PATCH", f"{items}/tool", {"name": "A tool"}, desk.fd1)
    call("POST", "/api/v1/catalog/requests", {"catalog_slug": "tool"}, desk.bob_key)
    (asked,) = call("GET", f"{approvals}?status=pending&catalog_slug=tool", None, desk.fd1)["items"]
    call("POST", f"{approvals}/review", {"request_id": asked["id"], "decision": "approve"}, desk.fd1)
    carol = {"catalog_slug": "tool", "email": "carol@example.com"}
    call("POST", approvals, carol, desk.fd1)
    call("DELETE", approvals, carol, desk.fd1)
    call("POST", items, {"slug": "spare", "name": "Spare", "type": "other"}, desk.fd1)
    call("DELETE", f"{items}/spare", None, desk.fd1)


def _queue(call: Deployed, key: str) -> None:
    queue = "/api/v2/queue"
    call("GET", "/api/v2/settings", None, key)
    held = call("POST", queue, {"title": "Held"}, key)["data"]["id"]
    call("POST", f"{queue}/{held}/confirm", {"action": "approve"}, key)
    call("PATCH", "/api/v2/settings", {"queueAutoApprove": True}, key)
    ready = call("POST", queue, {"title": "Ready"}, key)["data"]["id"]
    call("GET", queue, None, key)
    call("GET", f"{queue}/{ready}", None, key)
    call("POST", f"{queue}/{ready}/status", {"status": "in_progress"}, key)
    call("POST", f"{queue}/{ready}/result", {"result": "Done."}, key)
    call("PATCH", "/api/v2/settings", {"mode": "chief_of_staff"}, key)
    chat = "/api/v2/shared-chat"
    call("POST", f"{chat}/send", {"content": "Hello"}, key)
    call("GET", f"{chat}/messages", None, key)
    call("GET", f"{chat}/stream", None, key)


def _board(call: Deployed, key: str) -> None:
    board, contacts = "/api/v2/kanban", "/api/v2/contacts"
    card = call("POST", board, {"title": "Card"}, key)["data"]["id"]
    call("GET", board, None, key)
    call("GET", f"{board}/{card}", None, key)
    call("PATCH", f"{board}/{card}", {"title": "A card"}, key)
    row = call("POST", f"{board}/{card}/checklist", {"text": "One"}, key)["data"]["id"]
    call("PATCH", f"{board}/{card}/checklist/{row}", {"completed": True}, key)
    call("DELETE", f"{board}/{card}/checklist/{row}", None, key)
    contact = call("POST", contacts, {"name": "Nora North"}, key)["data"]["id"]
    call("GET", f"{contacts}?search=north", None, key)
    call("GET", f"{contacts}/{contact}", None, key)
    call("PATCH", f"{contacts}/{contact}", {"name": "Nora South"}, key)
    call("POST", f"{board}/{card}/contacts", {"contactId": contact}, key)
    call("PATCH", f"{board}/{card}/contacts/{contact}", {"role": "buyer"}, key)
    call("DELETE", f"{board}/{card}/contacts/{contact}", None, key)
    call("DELETE", f"{contacts}/{contact}", None, key)
    call("DELETE", f"{board}/{card}", None, key)


def _person(call: Deployed, key: str) -> None:
    keys = "/api/v2/keys"
    made_key = call("POST", keys, {"name": "k"}, key, Idempotency_Key="k-2")["data"]["id"]
    call("GET", keys, None, key)
    call("PATCH", keys, {"id": made_key, "isActive": False}, key)
    call("DELETE", f"{keys}?id={made_key}", None, key)
    call("GET", "/api/v2/profile", None, key)
    call("PATCH", "/api/v2/profile", {"headline": "Here"}, key)
    call("GET", "/api/chat/mentions?type=people", None, key)
    for path in ("/api/v2/docs", "/api/v2/openapi.json", "/api/v2/updates"):
        call("GET", path)


def _network(call: Deployed, desk: Desk) -> None:
    federation = "/api/v2/federation"
    registered = call("POST", f"{federation}/register", hub.registration())
    hub.operate("instances", "approve", registered["instanceId"], "--without-challenge")
    token = registered["platformToken"]
    call("POST", f"{federation}/heartbeat", {}, token)
    call("POST", f"{federation}/marketplace-link", {"action": "enable"}, token)
    call("POST", f"{federation}/agents", {"agents": [{"id": "a", "name": "Agent"}]}, token)
    call("GET", f"{federation}/agents", None, token)
    call("PUT", f"{federation}/agents/a", {"name": "An agent"}, token)
    call("GET", f"{federation}/agents/a", None, token)
    call("DELETE", f"{federation}/agents/a", None, token)
    payment = {"transactionType": "marketplace", "grossAmount": 10, "proposedFeePercent": 5}
    call("POST", f"{federation}/validate-payment", payment, token)
    call("GET", "/api/v2/network/discover", None, token)
    call("GET", "/api/v2/prompt-groups?message=hello", None, token)
    key = desk.demo["federation"]["instance_api_key"]
    call("POST", "/api/marketplace/webhook", {"event": "weather", "status": "sunny"}, X_Federation_Token=key)
    call("GET", "/.well-known/fluxden")


def _peers(call: Deployed, desk: Desk) -> None:
    connections, headers = "/api/v2/connections", {"X_Federation_Token": TOKEN}
    allow(approval=True)
    asked = call("POST", connections, request(connectionId="c-1"))["connectionId"]
    call("GET", connections, None, desk.alice_key)
    call("PATCH", f"{connections}/{asked}", {"action": "accept"}, desk.alice_key)
    relay = {"relayId": "r-1", "toUserEmail": "alice@example.com", "type": "request", "intent": "assign_task"}
    call("POST", "/api/v2/relay", relay | {"subject": "Count", "payload": {"message": "Please."}}, **headers)
    told = {"connectionId": asked, "intent": "get_info", "subject": "How many?", "payload": {"body": "Depots."}}
    sent = call("POST", "/api/v2/relays", told, desk.alice_key)["data"]["id"]
    call("GET", "/api/v2/relays", None, desk.alice_key)
    call("POST", "/api/federation/relay-ack", {"relayId": sent, "status": "completed"}, **headers)
    _ask_sam(desk)
    call("POST", "/api/federation/connect/accept", {"connectionId": "c-9"}, X_Federation_Token="s" * 40)


def _ask_sam(desk: Desk) -> None:
    """A request from here that waits for the other desk."""
    now = timestamp(datetime.now(UTC))
    peering = Peering(
        connection_id="11111111-2222-4333-8444-555555555555",
        user_id=desk.user_id("alice"),
        user_email="alice@example.com",
        user_name="Alice",
        peer_url="https://third.example.org",
        peer_email="tom@third.example.org",
        asked_as="tom@third.example.org",
        peer_name="Tom",
        peer_instance_name="Third",
        peer_connection_id=None,
        token_hash=token_hash("s" * 40),
        status=PeeringStatus.PENDING,
        initiator=Initiator.US,
        hmac_enabled=False,
        peer_key=None,
        created_at=now,
        updated_at=now,
    )
    DynamoPeers().add(peering, "s" * 40, after=None, message=None)
