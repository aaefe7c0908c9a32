"""Nothing is sent to a desk that is suspended or blocked, whatever kind it is; what waits for it ends with a reason."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

import chalicelib
import infra
from chalicelib.core.stores.writes import commit
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation, suspend_origin_action
from chalicelib.federation.network.domain.instance_notices import InstanceNoticeKind
from chalicelib.resources import PEER_NOTICES
from tests.conftest import Desk
from tests.federation.connections.connection_calls import REQUESTS, own_connections, peer_base_url, request_connection
from tests.federation.network.network_calls import refused_command
from tests.federation.outgoing_kinds import OUTGOING, UNSENT, World
from tests.support.api import Api
from tests.support.instances import add_member, run_admin
from tests.support.peer import allow_federation
from tests.support.pump import Pumps
from tests.support.receiver import Receiver

# Calls to what is no desk: callbacks of integrators, people's channels, and the push services of browsers.
_NOT_TO_DESKS = {"callbacks.py", "guarded_requests.py", "identity_providers.py", "web_push.py", "webhooks.py"}


def suspend(url: str) -> None:
    commit([suspend_origin_action(url, suspended=True)])


def block(url: str) -> None:
    DynamoFederation().block(url, blocked=True)


@pytest.mark.parametrize("cut", [suspend, block])
@pytest.mark.parametrize("kind", OUTGOING)
def test_nothing_is_sent_to_a_desk_that_is_cut_off(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, kind: str, cut: Callable[[str], None]
) -> None:
    allow_federation()
    world = World(api, desk, pump, receiver, peer_base_url(receiver))
    send, read_error = OUTGOING[kind](world)
    receiver.received.clear()
    cut(world.url)
    send()
    if kind == InstanceNoticeKind.INSTANCE_STATUS and cut is suspend:
        # An instance is told that it is suspended.
        assert [each.method for each in receiver.received] == ["POST"]
        return
    assert receiver.received == []
    assert read_error() == UNSENT


@pytest.mark.parametrize("cut", [suspend, block])
def test_a_request_to_a_desk_that_is_cut_off_is_refused(
    api: Api, desk: Desk, receiver: Receiver, cut: Callable[[str], None]
) -> None:
    allow_federation()
    cut(peer_base_url(receiver))
    refused = request_connection(api, desk, peer_base_url(receiver))
    assert (refused.status, receiver.received) == (409, [])
    assert "suspended or blocked" in refused.json["error"]


def test_a_request_that_was_on_its_way_ends_with_the_reason(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    allow_federation()
    request_connection(api, desk, peer_base_url(receiver))
    block(peer_base_url(receiver))
    pump.drain(PEER_NOTICES)
    (ended,) = own_connections(api, desk)
    assert (ended["status"], ended["reason"]) == ("expired", UNSENT)
    assert receiver.received == []
    DynamoFederation().block(peer_base_url(receiver), blocked=False)
    assert (
        api.post(
            REQUESTS, {"peerInstanceUrl": peer_base_url(receiver), "peerUserEmail": "sam@x.example"}, desk.alice_key
        ).status
        == 201
    )


def test_a_blocked_hub_is_not_joined_and_a_blocked_instance_not_asked_for_a_proof(
    api: Api, desk: Desk, receiver: Receiver
) -> None:
    made = add_member(api, baseUrl=peer_base_url(receiver))
    run_admin("instances", "suspend", made.instance_id)
    block(made.base_url)
    assert "blocked that desk" in refused_command("hub", "join", made.base_url)
    assert "blocked that desk" in refused_command("instances", "approve", made.instance_id)
    assert receiver.received == []


def test_every_call_to_another_desk_passes_the_rule() -> None:
    unruled = []
    folders = [Path(str(package.__file__)).parent for package in (chalicelib, infra)]
    for path in sorted(each for folder in folders for each in folder.rglob("*.py")):
        text = path.read_text()
        if "gateways import http\n" not in text or path.name in _NOT_TO_DESKS:
            continue
        tree = ast.parse(text)
        ruled = {
            id(argument)
            for call in ast.walk(tree)
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "DeskCalls"
            for argument in call.args
        }
        used = [each for each in ast.walk(tree) if isinstance(each, ast.Attribute) and _is_http(each)]
        assert used, f"{path.name} imports the gateway for nothing"
        unruled += [f"{path.name}:{each.lineno}" for each in used if id(each) not in ruled]
    assert unruled == []


def _is_http(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "http"
