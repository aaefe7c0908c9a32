"""Instances of the network: registration, approval, heartbeats and participation."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from chalice.local import LambdaContext
from click.testing import CliRunner

from chalicelib import aws
from chalicelib.core.stores.items import to_item
from chalicelib.federation.connections.domain.origins import canonical_origin
from chalicelib.federation.network.domain.instances import proof
from chalicelib.federation.network.stores.hubs import hub_key, place_of
from chalicelib.ids import mint_platform_token, new_nonce
from chalicelib.resources import NETWORK
from chalicelib.settings import settings
from chalicelib.vault import seal
from infra.admin import main
from infra.tables import DEFINITIONS
from tests.conftest import Desk
from tests.federation.network.network_calls import DISCOVER, GROUPS, NOON, PAYMENT
from tests.support.api import ROUTES, Answer, Api, gateway_event
from tests.support.concurrency import run_concurrently
from tests.support.instances import (
    HEARTBEAT,
    LINK,
    REGISTER,
    add_member,
    link_marketplace,
    new_registration,
    offer_agent,
    register_instance,
    run_admin,
)
from tests.support.log_lines import read_texts
from tests.support.receiver import Receiver

WELL_KNOWN = "/.well-known/fluxden"


SPEND = "UpdateItem"


def stored_rows() -> str:
    tables = [definition.table.physical_name for definition in DEFINITIONS]
    return str([aws.dynamodb().scan(TableName=table)["Items"] for table in tables])


def post_heartbeat(api: Api, token: str | None, **said: Any) -> Answer:
    return api.post(HEARTBEAT, said or None, token)


def refused_command(*command: str) -> str:
    result = CliRunner().invoke(main, command, prog_name="admin")
    assert result.exit_code == 1, result.output
    return result.stderr


def test_an_instance_registers_is_approved_and_belongs(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_BASE_URL", "https://hub.example/")
    said = new_registration(version="1.2", userCount=0, agentCount=7, capabilities={"x": [1]}, unknown="ignored")
    reply = api.post(REGISTER, said)
    made = reply.json
    assert reply.status == 201
    assert made["platformToken"].startswith("dvd_fed_")
    assert len(made["platformToken"]) == 72
    assert (made["success"], made["status"]) == (True, "pending_approval")
    assert made["endpoints"] == {
        "discover": "https://hub.example/api/v2/network/discover",
        "updates": "https://hub.example/api/v2/updates",
        "heartbeat": "https://hub.example/api/v2/federation/heartbeat",
        "marketplaceLink": "https://hub.example/api/v2/federation/marketplace-link",
        "agentSync": "https://hub.example/api/v2/federation/agents",
    }
    assert set(made["features"].values()) == {True}
    assert post_heartbeat(api, made["platformToken"]).status == 401
    assert api.get(GROUPS, said["apiKey"]).status == 401

    run_admin("instances", "approve", made["instanceId"], "--without-challenge")
    assert post_heartbeat(api, made["platformToken"]).status == 200
    for credential in (made["platformToken"], said["apiKey"]):
        assert api.get(GROUPS, credential).json["totalGroups"] == 17


def test_a_repeated_registration_replaces_the_token_and_keeps_the_status(api: Api, desk: Desk) -> None:
    first = add_member(api, name="Before")
    again = api.post(REGISTER, new_registration(name="After", baseUrl=first.base_url + "/", apiKey=first.key))
    assert (again.status, again.json["status"]) == (201, "active")
    assert again.json["instanceId"] == first.instance_id
    assert post_heartbeat(api, first.token).status == 401
    assert post_heartbeat(api, again.json["platformToken"]).status == 200
    status = api.post(LINK, {"action": "status"}, again.json["platformToken"]).json
    assert (status["instanceName"], status["marketplaceEnabled"]) == ("After", True)


def test_a_repeated_registration_with_another_key_is_refused(api: Api, desk: Desk) -> None:
    first = add_member(api)
    reply = api.post(REGISTER, new_registration(baseUrl=first.base_url.upper().replace("HTTPS", "https"), name="Thief"))
    assert (reply.status, reply.json["success"]) == (403, False)
    assert post_heartbeat(api, first.token).status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": " "},
        {"name": "x" * 101},
        {"name": None},
        {"apiKey": "short"},
        {"apiKey": "with a space in it"},
        {"apiKey": "schlüssel-der-instanz"},
        {"apiKey": None},
        {"baseUrl": "http://desk.example"},
        {"baseUrl": "desk.example"},
        {"baseUrl": "https://127.0.0.1"},
        {"baseUrl": "https://2130706433/"},
        {"baseUrl": "https://[::1]/"},
        {"baseUrl": "https://169.254.169.254/latest"},
        {"baseUrl": "https://localhost:8443"},
        {"baseUrl": "https://user:pass@desk.example"},
        {"baseUrl": "https://desk.example?x=1"},
        {"baseUrl": "https://desk.example/#a"},
        {"baseUrl": "https://" + "x" * 500 + ".example"},
        {"baseUrl": "https://desk.example/" + "ü" * 450},
        {"version": None},
        {"version": 1},
        {"userCount": -1},
        {"userCount": 1.5},
        {"userCount": "7"},
        {"userCount": True},
        {"agentCount": 10**30},
        {"capabilities": []},
        {"capabilities": {"x": "y" * 20_000}},
    ],
    ids=lambda wrong: json.dumps(wrong)[:50],
)
def test_an_invalid_registration_is_refused_and_changes_nothing(api: Api, desk: Desk, wrong: dict[str, Any]) -> None:
    before = run_admin("instances", "list", "--json")
    reply = api.post(REGISTER, new_registration() | wrong)
    assert (reply.status, set(reply.json)) == (400, {"success", "error"})
    assert run_admin("instances", "list", "--json") == before


@pytest.mark.parametrize("missing", ["name", "baseUrl", "apiKey"])
def test_a_registration_needs_a_name_a_url_and_a_key(api: Api, desk: Desk, missing: str) -> None:
    said = new_registration()
    del said[missing]
    assert api.post(REGISTER, said).status == 400


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("https://Desk.Example", "https://desk.example"),
        ("https://desk.example:443/", "https://desk.example"),
        ("https://desk.example.:8443/a//", "https://desk.example:8443/a"),
        ("https://bücher.example/x", "https://xn--bcher-kva.example/x"),
    ],
)
def test_spellings_of_one_url_are_one_instance(text: str, same: str) -> None:
    assert canonical_origin(text) == same == canonical_origin(same)


def test_simultaneous_registrations_make_one_instance_with_one_token(api: Api, desk: Desk) -> None:
    for _ in range(3):
        said = new_registration(apiKey="k" * 40)
        replies = run_concurrently(8, lambda _, said=said: api.post(REGISTER, said))  # type: ignore[misc]
        assert Counter(reply.status for reply in replies) == {201: 8}
        assert len({reply.json["instanceId"] for reply in replies}) == 1
        run_admin("instances", "approve", replies[0].json["instanceId"], "--without-challenge")
        works = [reply for reply in replies if post_heartbeat(api, reply.json["platformToken"]).status == 200]
        assert len(works) == 1


def test_instances_with_the_same_key_are_distinguished(api: Api, desk: Desk) -> None:
    first, second = add_member(api, apiKey="the-same-key"), add_member(api, apiKey="the-same-key")
    assert first.instance_id != second.instance_id
    run_admin("instances", "suspend", first.instance_id)
    assert api.get(GROUPS, "the-same-key").status == 200
    run_admin("instances", "suspend", second.instance_id)
    assert api.get(GROUPS, "the-same-key").status == 401


def test_no_credential_is_stored_or_logged(api: Api, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    made = add_member(api, apiKey="a-very-recognisable-key")
    api.get(GROUPS, made.key)
    own = str(read_texts(caplog))
    for place in (stored_rows(), own):
        assert made.key not in place
        assert made.token not in place
        assert made.token[8:40] not in place


def test_a_registration_takes_four_calls_and_so_does_a_repeated_one(api: Api, desk: Desk) -> None:
    said = new_registration()
    first, again = api.post(REGISTER, said), api.post(REGISTER, said)
    reads = ["BatchGetItem", "BatchGetItem", "GetItem"]
    assert (sorted(first.calls), first.steps) == ([*reads, "SendMessage", "TransactWriteItems"], 4)
    assert (sorted(again.calls), again.steps) == (["BatchGetItem", *reads, "TransactWriteItems"], 4)


@pytest.mark.parametrize(("method", "path", "body"), [
    ("POST", HEARTBEAT, None),
    ("POST", LINK, {"action": "status"}),
    ("POST", PAYMENT, {"transactionType": "marketplace", "grossAmount": 1, "proposedFeePercent": 3}),
    ("POST", "/api/v2/federation/agents", {"agents": [{"id": "a", "name": "A"}]}),
    ("GET", "/api/v2/federation/agents", None),
    ("GET", "/api/v2/federation/agents/a", None),
    ("PUT", "/api/v2/federation/agents/a", {"name": "A"}),
    ("DELETE", "/api/v2/federation/agents/a", None),
])  # fmt: skip
def test_only_approved_instances_are_let_in(api: Api, desk: Desk, method: str, path: str, body: Any) -> None:
    pending = register_instance(api)
    suspended = add_member(api)
    run_admin("instances", "suspend", suspended.instance_id)
    for token in (None, "dvd_fed_x", mint_platform_token().text, pending.token, suspended.token, suspended.key):
        reply = api.call(method, path, body, token=token)
        assert reply.status == 401, token
        assert reply.json["success"] is False
        assert "www-authenticate" in reply.headers
        assert ("valid" in reply.json) is (path == PAYMENT)
    for token in (desk.alice_key, desk.fd1, desk.alice):
        assert api.call(method, path, body, token=token).status == 403
    assert api.call("POST", HEARTBEAT, token=desk.demo["federation"]["platform_token"]).status == 200


def test_a_suspended_instance_works_again_after_approval(api: Api, desk: Desk) -> None:
    made = add_member(api)
    run_admin("instances", "suspend", made.instance_id)
    assert post_heartbeat(api, made.token).status == 401
    run_admin("instances", "approve", made.instance_id, "--without-challenge")
    assert post_heartbeat(api, made.token).status == 200
    assert api.get(GROUPS, made.key).status == 200


def test_simultaneous_changes_of_an_instance_are_made_in_some_order(api: Api, desk: Desk) -> None:
    for _ in range(3):
        made = add_member(api)
        said = new_registration(baseUrl=made.base_url, apiKey=made.key)

        def act(number: int, said: Any = said, made: Any = made) -> str:
            if number % 2:
                # Not through `api`, which takes the store calls of the command for the operation's.
                event = gateway_event("POST", REGISTER, {}, json.dumps(said))
                reply = ROUTES["POST", REGISTER](event, LambdaContext("register_instance", 256))
                return str(json.loads(reply["body"])["platformToken"])
            CliRunner().invoke(main, ["instances", "suspend", made.instance_id], prog_name="admin")
            return ""

        tokens = [token for token in run_concurrently(4, act) if token]
        status = next(e for e in json.loads(run_admin("instances", "list", "--json")) if e["id"] == made.instance_id)
        works = [token for token in tokens if post_heartbeat(api, token).status == 200]
        assert len(works) == (1 if status["status"] == "active" else 0)


def test_a_platform_token_has_a_minute_of_its_own(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made = add_member(api, marketplace=False)
    reply = post_heartbeat(api, made.token)
    assert (reply.headers["x-ratelimit-limit"], reply.headers["x-ratelimit-remaining"]) == ("600", "599")
    monkeypatch.setenv("FLUXDEN_PLATFORM_BUDGET", "3")
    from chalicelib.settings import settings

    settings.cache_clear()
    with time_machine.travel(datetime(2040, 1, 1, 12, tzinfo=UTC), tick=False):
        assert [post_heartbeat(api, made.token).status for _ in range(4)] == [200, 200, 200, 429]
        assert api.get(DISCOVER, made.token).status == 429
        assert api.get(DISCOVER).status == 200


def test_an_instance_is_approved_after_its_proof(api: Api, desk: Desk, receiver: Receiver) -> None:
    made = register_instance(api, baseUrl=receiver.url.removesuffix("/hook"))
    receiver.status = 200

    def answer() -> None:
        asked = dict(pair.split("=") for pair in receiver.received[-1].path.partition("?")[2].split("&"))
        assert asked["instanceId"] == made.instance_id
        said = {"challenge": asked["challenge"], "instanceKeyProof": proof(asked["challenge"], made.key)}
        receiver.body = json.dumps(said).encode()

    receiver.before = answer
    assert "Approved" in run_admin("instances", "approve", made.instance_id)
    assert (receiver.received[0].method, receiver.received[0].body) == ("GET", b"")
    assert post_heartbeat(api, made.token).status == 200


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (404, b"", "answered 404"),
        (302, b"", "redirects are not followed"),
        (200, b"", "did not prove"),
        (200, b"[1]", "did not prove"),
        (200, b"[" * 50_000, "did not prove"),
        (200, b'{"challenge": "other", "instanceKeyProof": "00"}', "did not prove"),
        (200, b'{"instanceKeyProof": null}', "did not prove"),
        (200, b"x" * 70_000, "too long"),
    ],
    ids=["nothing", "elsewhere", "empty", "no object", "deep", "another's", "none", "endless"],
)
def test_an_instance_without_a_proof_is_not_approved(
    api: Api, desk: Desk, receiver: Receiver, status: int, body: bytes, why: str
) -> None:
    made = register_instance(api, baseUrl=receiver.url.removesuffix("/hook"))
    receiver.status, receiver.body = status, body
    assert why in refused_command("instances", "approve", made.instance_id)
    assert post_heartbeat(api, made.token).status == 401


def test_this_desk_proves_itself_to_its_hub_only(api: Api, desk: Desk) -> None:
    row = hub_key("id-at-the-hub") | {
        "sealedKey": seal("our-key", place=place_of("id-at-the-hub")),
        "hubUrl": "https://hub.example",
    }
    aws.dynamodb().put_item(TableName=NETWORK.physical_name, Item=to_item(row))
    word = new_nonce() * 2
    hub = "to=https://Hub.example/"
    reply = api.get(f"{WELL_KNOWN}?challenge={word}&instanceId=id-at-the-hub&{hub}")
    assert (reply.json["challenge"], reply.json["instanceKeyProof"]) == (word, proof(word, "our-key"))
    assert api.get(f"{WELL_KNOWN}?challenge={word}&instanceId=another&{hub}").status == 404
    # A hub that gave this desk the id which somebody got elsewhere in its name can't pass the proof on.
    for other in ("https://other.example", "https://hub.example:8443", "https://hub.example/x", "hub.example", "x"):
        assert api.get(f"{WELL_KNOWN}?challenge={word}&instanceId=id-at-the-hub&to={other}").status == 404
    # What a webhook's signature covers has dots, so none can be had here.
    for challenge in ("short", f"{word}.1795332480.%7B%7D", word * 20):
        assert api.get(f"{WELL_KNOWN}?challenge={challenge}&instanceId=id-at-the-hub&{hub}").status == 400
    for lone in (f"challenge={word}", "instanceId=id-at-the-hub", hub, f"challenge={word}&instanceId=id-at-the-hub"):
        assert api.get(f"{WELL_KNOWN}?{lone}").status == 400


def test_unknown_instances_are_not_found(desk: Desk) -> None:
    for command in ("approve", "suspend"):
        assert "There is no instance x." in refused_command("instances", command, "x")


def test_a_heartbeat_is_recorded_and_answered_with_the_network_stats(api: Api, desk: Desk) -> None:
    made = add_member(api)
    reply = post_heartbeat(api, made.token, version="2.0", userCount=3, agentCount=0, status="degraded")
    assert reply.json == {
        "success": True,
        "instanceId": made.instance_id,
        # Four of five people are active; two agents are installed, and the demo's member offers one.
        "networkStats": {"totalUsers": 4, "totalAgents": 3, "federatedInstances": 2},
        "features": {"marketplace": True, "discovery": True, "updates": True},
    }
    listed = next(e for e in json.loads(run_admin("instances", "list", "--json")) if e["id"] == made.instance_id)
    assert (listed["version"], listed["health"]) == ("2.0", "degraded")
    post_heartbeat(api, made.token)
    assert (
        next(e for e in json.loads(run_admin("instances", "list", "--json")) if e["id"] == made.instance_id)["health"]
        == "degraded"
    )
    assert reply.steps == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "ill"},
        {"status": None},
        {"userCount": -1},
        {"userCount": "3"},
        {"agentCount": 1.5},
        {"version": 2},
        {"version": ""},
    ],
    ids=json.dumps,
)
def test_an_invalid_heartbeat_is_refused(api: Api, desk: Desk, wrong: dict[str, Any]) -> None:
    token = desk.demo["federation"]["platform_token"]
    assert post_heartbeat(api, token, **wrong).status == 400
    assert api.post(HEARTBEAT, raw="{", token=token).status == 400
    assert api.post(HEARTBEAT, raw="[]", token=token).status == 400


def test_the_agents_of_an_instance_outside_the_marketplace_are_hidden(api: Api, desk: Desk) -> None:
    made = add_member(api)
    offer_agent(api, made, "a")

    def seen() -> bool:
        agents = api.get(f"{DISCOVER}?type=agents").json
        shown = [each["name"] for each in agents["agents"]["items"]]
        assert agents["agents"]["total"] == agents["networkStats"]["agents"] == len(shown)
        return "Agent a" in shown

    assert seen()
    for hide, show in (
        (lambda: link_marketplace(api, made, "disable"), lambda: link_marketplace(api, made, "enable")),
        (
            lambda: run_admin("instances", "suspend", made.instance_id),
            lambda: run_admin("instances", "approve", made.instance_id, "--without-challenge"),
        ),
    ):
        hide()
        assert not seen()
        show()
        assert seen()


def test_an_instance_reads_its_status(api: Api, desk: Desk) -> None:
    made = add_member(api, marketplace=False, name="Northwind")
    told = link_marketplace(api, made, "status").json
    assert told == {
        "success": True,
        "instanceId": made.instance_id,
        "instanceName": "Northwind",
        "marketplaceEnabled": False,
        "discoveryEnabled": False,
        "updatesEnabled": False,
        "agentCount": 0,
        "lastSyncAt": None,
    }
    enabled = link_marketplace(api, made, "enable", key="k")
    assert (enabled.json["marketplaceEnabled"], len(enabled.json["nextSteps"])) == (True, 3)
    offer_agent(api, made)
    off = link_marketplace(api, made, "disable").json
    assert (off["success"], off["marketplaceEnabled"], off["nextSteps"]) == (True, False, [])
    again = link_marketplace(api, made, "enable", key="k")
    assert (again.text, again.headers["idempotent-replayed"]) == (enabled.text, "true")
    told = link_marketplace(api, made, "status").json
    assert (told["marketplaceEnabled"], told["discoveryEnabled"], told["agentCount"]) == (False, True, 1)
    assert told["lastSyncAt"] is not None


@pytest.mark.parametrize("body", [{}, {"action": "join"}, {"action": None}, {"action": ["enable"]}, []])
def test_an_unknown_marketplace_action_is_refused(api: Api, desk: Desk, body: Any) -> None:
    assert api.post(LINK, body, desk.demo["federation"]["platform_token"]).status == 400


def test_joining_the_marketplace_takes_a_constant_number_of_store_calls(api: Api, desk: Desk) -> None:
    made = add_member(api)
    post_heartbeat(api, made.token)
    assert sorted(link_marketplace(api, made, "enable").calls) == [
        "BatchGetItem",
        "GetItem",
        "TransactWriteItems",
        SPEND,
    ]
    assert sorted(link_marketplace(api, made, "status").calls) == ["BatchGetItem", *["GetItem"] * 3, SPEND]


def test_new_registrations_are_limited_by_hour_and_repeated_ones_are_not(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUXDEN_REGISTRATIONS_PER_HOUR", "2")
    settings.cache_clear()
    with time_machine.travel(NOON, tick=False) as clock:
        first, _ = register_instance(api), register_instance(api, address="192.0.2.2")
        reply = api.post(REGISTER, new_registration(), address="192.0.2.3")
        assert (reply.status, reply.headers["retry-after"]) == (429, str(50 * 60))
        assert (reply.calls[-1], reply.steps) == ("TransactWriteItems", 3)
        again = api.post(REGISTER, new_registration(baseUrl=first.base_url, apiKey=first.key))
        assert (again.status, again.json["instanceId"]) == (201, first.instance_id)
        clock.shift(timedelta(minutes=50))
        assert api.post(REGISTER, new_registration()).status == 201
