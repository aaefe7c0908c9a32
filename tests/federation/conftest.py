"""Fixtures that several federation tests share."""

import json
from collections.abc import Iterator

import pytest
import time_machine

from chalicelib.federation.connections.signatures import SigningKey
from chalicelib.resources import NOTICES
from chalicelib.settings import settings
from tests.conftest import Desk
from tests.federation.network.network_calls import NOON
from tests.federation.relays.relay_calls import peer_url
from tests.support.api import Api
from tests.support.hostile_peer import HonestPeer, Kind
from tests.support.instances import (
    Member,
    add_member,
    serve_this_desk,
)
from tests.support.peer import CONNECTIONS, allow_federation, connection_request
from tests.support.pump import Pumps
from tests.support.receiver import Receiver


@pytest.fixture
def receiver(receiver: Receiver) -> Receiver:
    """A server that answers as other desks do: only `success`, or `received` for a webhook, is success."""
    receiver.status, receiver.body = 200, b'{"success": true, "received": true}'
    return receiver


@pytest.fixture
def desk_with_approval(desk: Desk) -> None:
    allow_federation(approval=True)


@pytest.fixture
def approved_member(api: Api, desk: Desk, receiver: Receiver, pump: Pumps) -> Member:
    """An approved member whose URL is the receiver."""
    made = add_member(api, baseUrl=receiver.url.removesuffix("/hook"))
    # The other message asked for the proof of the registration, which an approval makes needless.
    assert pump.drain(NOTICES) == 2
    (approved,) = receiver.received
    assert json.loads(approved.body)["status"] == "active"
    assert approved.headers["x-dividen-event"] == "instance_status"
    receiver.received.clear()
    return made


@pytest.fixture
def hub_key(desk: Desk) -> str:
    return str(desk.demo["federation"]["instance_api_key"])


@pytest.fixture
def own_hub(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of this desk, which is its own hub."""
    own = serve_this_desk(receiver)
    monkeypatch.setenv("FLUXDEN_BASE_URL", own)
    settings.cache_clear()
    with time_machine.travel(NOON, tick=False):
        yield own


@pytest.fixture
def large_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget that no test here uses up."""
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")


@pytest.fixture
def connection(api: Api, desk: Desk, receiver: Receiver) -> str:
    """The id of Alice's connection with Sam, whose desk is the receiver."""
    allow_federation()
    receiver.status, receiver.body = 200, b'{"success": true, "relayId": "theirs-1"}'
    made = api.post(
        CONNECTIONS, connection_request(fromInstanceUrl=peer_url(receiver), connectionId="their-connection")
    ).json
    return str(made["connectionId"])


@pytest.fixture
def token(desk: Desk) -> str:
    """The token of the demo connection."""
    return str(desk.demo["federation"]["federation_token"])


@pytest.fixture
def signing_peer(api: Api, desk: Desk) -> tuple[SigningKey, str]:
    """A connected peer that signs: its key, and the token of the connection."""
    allow_federation()
    key = SigningKey.new("key-1")
    told = {"keyId": key.key_id, "publicKey": key.public_key}
    assert api.post(CONNECTIONS, connection_request(fluxden=told)).status == 200
    return key, str(connection_request()["federationToken"])


@pytest.fixture(params=list(Kind))
def honest(request: pytest.FixtureRequest) -> Iterator[HonestPeer]:
    """The desk whose name is used, of each kind."""
    with HonestPeer(Receiver(), request.param) as made:
        yield made


@pytest.fixture
def signing() -> Iterator[HonestPeer]:
    """A desk that publishes keys."""
    with HonestPeer(Receiver(), Kind.KEYS) as made:
        yield made
