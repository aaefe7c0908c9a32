"""Who only claims an address learns nothing about the people here: every operation answers alike for all of them.

The operations, the people and the settings are combined; replies, headers, store calls and the asker's budget are
compared, with ids and times masked.
"""

import hashlib
import os
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import combinations, product
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from chalicelib.core.domain.fields import timestamp
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus, Initiator, Proof
from chalicelib.federation.connections.stores import claim_bounds
from chalicelib.federation.connections.stores.connection_rows import token_hash
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.resources import NETWORK, PEER_NOTICES
from tests.conftest import Desk
from tests.federation.connections.connection_calls import change_connection
from tests.federation.network.network_calls import NOON
from tests.support.api import ROUTES, Answer, Api
from tests.support.hostile_peer import ACCEPT, END, HonestPeer, Kind
from tests.support.instances import run_admin
from tests.support.peer import ACK, CONNECTIONS, RELAY, allow_federation, connection_request, sign_body
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.worker_scenarios import scan_rows

pytestmark = pytest.mark.usefixtures("large_budget", "receiver")

ASKER = "sam@other.example.org"
_OVER_CONNECTIONS = (RELAY, "/api/federation/relay", ACK, ACCEPT, END)
_CONNECT = (CONNECTIONS, "/api/federation/connect")

# What the desk at the claimed address is, and the settings: `unverified`, `mode` and `approval`.
Setting = tuple[Kind, str, str, bool]
SETTINGS: list[Setting] = list(product(Kind, ("refuse", "pending"), ("open", "allowlist", "closed"), (True, False)))
# `make chaos SWEEP=whole` tries every setting. Tests try every pair of values at least once, by the seed.
WHOLE = os.environ.get("SWEEP") == "whole"
SEED = os.environ.get("SWEEP_SEED", "1")


def list_pairs(setting: Setting) -> set[Any]:
    """Return every two values of a setting, with their places."""
    return set(combinations(enumerate(setting), 2))


def sample_settings(seed: str) -> list[Setting]:
    """Return few settings that together have every pair of values that all of them have."""
    shuffled = random.Random(seed).sample(SETTINGS, len(SETTINGS))
    found, left = list[Setting](), set[Any]().union(*map(list_pairs, SETTINGS))
    while left:
        found.append(max(shuffled, key=lambda each: len(list_pairs(each) & left)))
        left -= list_pairs(found[-1])
    return sorted(found, key=SETTINGS.index)


def nobody(api: Api, desk: Desk, peer: HonestPeer, pump: Pumps) -> str:
    return "nobody@example.com"


def somebody(api: Api, desk: Desk, peer: HonestPeer, pump: Pumps) -> str:
    return "alice@example.com"


def somebody_in_other_letters(api: Api, desk: Desk, peer: HonestPeer, pump: Pumps) -> str:
    return "ALICE@Example.com"


def somebody_who_left(api: Api, desk: Desk, peer: HonestPeer, pump: Pumps) -> str:
    run_admin("employees", "deactivate", "erin@example.com")
    return "erin@example.com"


def somebody_connected(api: Api, desk: Desk, peer: HonestPeer, pump: Pumps) -> str:
    connect(api, desk, peer, pump)
    return "alice@example.com"


def somebody_who_blocked_them(api: Api, desk: Desk, peer: HonestPeer, pump: Pumps) -> str:
    change_connection(api, desk.alice_key, connect(api, desk, peer, pump), action="block")
    pump.drain(PEER_NOTICES)
    return "alice@example.com"


def somebody_who_declined_them(api: Api, desk: Desk, peer: HonestPeer, pump: Pumps) -> str:
    change_connection(api, desk.alice_key, connect(api, desk, peer, pump), action="decline")
    pump.drain(PEER_NOTICES)
    return "alice@example.com"


def somebody_who_asked_them(api: Api, desk: Desk, peer: HonestPeer, pump: Pumps) -> str:
    body = {"peerInstanceUrl": peer.url, "peerUserEmail": ASKER}
    assert api.post("/api/v2/connection-requests", body, desk.alice_key).status == 201
    pump.drain(PEER_NOTICES)
    return "alice@example.com"


def connect(api: Api, desk: Desk, peer: HonestPeer, pump: Pumps) -> str:
    """Connect Alice with the desk in whose name the asker speaks, and which has confirmed that."""
    token, now = f"real-{peer.url}".ljust(40, "r"), timestamp(datetime.now(UTC))
    made = Connection(
        connection_id=str(uuid4()),
        user_id=desk.user_id("alice"),
        user_email="alice@example.com",
        user_name="Alice",
        peer_url=peer.url,
        peer_email=ASKER,
        asked_as=ASKER,
        peer_name="Sam",
        peer_instance_name=None,
        peer_connection_id=None,
        token_hash=token_hash(token),
        status=ConnectionStatus.ACTIVE,
        initiator=Initiator.PEER,
        hmac_enabled=False,
        peer_key=None,
        created_at=now,
        updated_at=now,
        proof=Proof.CALLBACK,
    )
    DynamoConnections().add(made, token, after=None, message=None)
    return made.connection_id


Person = Callable[[Api, Desk, HonestPeer, Pumps], str]
PEOPLE: tuple[Person, ...] = (
    somebody,
    somebody_in_other_letters,
    somebody_who_left,
    somebody_connected,
    somebody_who_blocked_them,
    somebody_who_declined_them,
    somebody_who_asked_them,
)


def test_the_calls_cover_every_operation_of_a_stranger() -> None:
    gated = {
        path
        for route in ROUTES.values()
        if route.gate is not None and route.gate.__module__.endswith("peer_admission")
        for path in route.paths
    }
    assert gated == {*_CONNECT, *_OVER_CONNECTIONS}


def test_a_sample_of_settings_has_every_pair_of_values() -> None:
    for seed in ("1", "2", "3"):
        sample = sample_settings(seed)
        assert set().union(*map(list_pairs, sample)) == set().union(*map(list_pairs, SETTINGS))
        assert len(sample) <= len(SETTINGS) / 3


@pytest.mark.parametrize(("kind", "unverified", "mode", "approval"), SETTINGS if WHOLE else sample_settings(SEED))
def test_everybody_is_answered_for_as_nobody_is(
    api: Api,
    desk: Desk,
    pump: Pumps,
    monkeypatch: pytest.MonkeyPatch,
    kind: Kind,
    unverified: str,
    mode: str,
    approval: bool,
) -> None:
    for bound in ("MOST_CLAIMS_AN_HOUR", "MOST_FROM_ONE_ADDRESS", "MOST_OF_ONE_DESK_FROM_ONE_ADDRESS"):
        monkeypatch.setattr(claim_bounds, bound, 1000)
    seen: dict[str, Any] = {}
    with time_machine.travel(NOON, tick=False):
        for number, person in enumerate((nobody, *PEOPLE)):
            with HonestPeer(Receiver(), kind) as peer:
                email = person(api, desk, peer, pump)
                if mode == "allowlist":
                    made = register(api, peer, number)
                    run_admin("instances", "approve", made, "--without-challenge")
                allow_federation(mode, approval=approval, unverified=unverified)
                seen[person.__name__] = ask_everything(api, pump, peer, email, f"198.51.100.{number}")
    for name, answers in seen.items():
        assert answers == seen["nobody"], name


def register(api: Api, peer: HonestPeer, number: int) -> str:
    said = {"name": "Desk", "baseUrl": peer.url, "apiKey": f"key-{number}".ljust(40, "k")}
    return str(api.post("/api/v2/federation/register", said, address=f"192.0.2.{number}").json["instanceId"])


def ask_everything(api: Api, pump: Pumps, peer: HonestPeer, email: str, address: str) -> list[Any]:
    """Ask for the person by every path, before and after the desk was asked, and speak as if connected."""
    token = "claimed-" + "c" * 32 + address
    found: list[Any] = []

    def ask(path: str, token: str) -> None:
        said = connection_request(
            fromInstanceUrl=peer.url, fromUserEmail=ASKER, toUserEmail=email, federationToken=token
        )
        found.append(masked(api.post(path, said, address=address), peer))

    for _ in range(2):
        for path in _CONNECT:
            ask(path, token)
        digest = hashlib.sha256(token.encode()).hexdigest()
        question = f"/.well-known/fluxden?connection={digest}&to={peer.url}"
        found.append(masked(api.get(question, address=address), peer))
        for path in _OVER_CONNECTIONS:
            raw, headers = sign_body({"relayId": "r", "status": "completed", "subject": "x"}, token)
            found.append(masked(api.post(path, raw=raw, headers=headers, address=address), peer))
        pump.drain(PEER_NOTICES)
    ask(CONNECTIONS, f"{token}-2")
    counted = [
        row["number"]
        for row in scan_rows(NETWORK)
        if row["pk"] in (f"CLAIMS#FROM#{address}", f"GUESSES#FROM#{address}", f"GUESSES#FROM#{address} asking")
    ]
    return [*found, sorted(map(int, counted))]


def masked(answer: Answer, peer: HonestPeer) -> tuple[Any, ...]:
    """Return what a stranger sees of a reply, and what it costs, without ids."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>", answer.text.replace(peer.url, "<peer>"))
    headers = {name: "<id>" if name == "x-request-id" else value for name, value in answer.headers.items()}
    return answer.status, text, headers, sorted(answer.calls), answer.steps
