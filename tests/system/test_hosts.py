"""Several hosts on the same engines: each pushes to the sockets of the others, and outlives them."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from chalicelib.aws import HOST_SECRET_HEADER
from chalicelib.core.stores.actions import put as put_row
from chalicelib.core.stores.writes import commit
from chalicelib.live.domain.sockets import Socket
from chalicelib.live.stores import sockets as store
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.resources import SOCKETS
from infra import host_secret
from infra.container import hosts as hosts_module
from infra.container.hosts import HostSweeper, Identity
from tests.conftest import Desk
from tests.support import inputs
from tests.support.started_container import StartedContainer, start_container
from tests.support.started_desk import HOST

EVENTS, BULK = "/api/v1/events", "/api/v1/events/bulk"
_SECONDS = 40


@pytest.fixture
def hosts(desk: Desk, tmp_path: Path) -> Iterator[tuple[StartedContainer, StartedContainer]]:
    with start_container(tmp_path) as one, start_container(tmp_path) as other:
        yield one, other


def test_a_publish_on_one_host_reaches_a_socket_on_the_other_until_that_is_killed(
    desk: Desk, hosts: tuple[StartedContainer, StartedContainer]
) -> None:
    holding, other = hosts
    with opened(holding, desk) as client:
        (row,) = sockets_of(desk)
        assert row.host.startswith(f"http://{HOST}:{holding.management_port}/")

        published = other.call("POST", EVENTS, inputs.new_event(title="Across hosts"), desk.alice)
        assert published.status == 202
        assert frame_of(client, published.json["deliveryId"])["deliveryId"]
        assert pushed(other, desk) is True

        holding.process.kill()
        holding.process.wait(10)
        assert pushed(other, desk) is False, "nobody is seen who looks at a host that is gone"
        assert other.call("POST", EVENTS, inputs.new_event(), desk.alice).status == 202
        assert wait_for(lambda: not sockets_of(desk))


def test_a_worker_on_one_host_reaches_a_socket_on_another_that_has_no_workers(desk: Desk, tmp_path: Path) -> None:
    with (
        start_container(tmp_path, "--serve", "http", "--serve", "sockets") as holding,
        start_container(tmp_path) as other,
        opened(holding, desk) as client,
    ):
        accepted = other.call("POST", BULK, bulk(desk), desk.fd1)
        assert accepted.status == 202
        assert frame_of(client, accepted.json["results"][0]["deliveryId"])
        # A row is the host's own even where nobody says which host is meant.
        assert holding.stop() == 0
        assert wait_for(lambda: not sockets_of(desk))


def test_only_hosts_that_know_the_secret_reach_sockets(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FLUXDEN_HOST_SECRET", raising=False)
    host_secret.share_secret()
    secret = {HOST_SECRET_HEADER: os.environ["FLUXDEN_HOST_SECRET"]}
    monkeypatch.delenv("FLUXDEN_HOST_SECRET")
    with start_container(tmp_path) as holding, opened(holding, desk):
        (row,) = sockets_of(desk)
        own = row.host.rpartition("/")[2]
        path = f"/@connections/{quote(row.connection_id)}"
        assert asked(holding, path, {}) == 403
        assert asked(holding, path, {HOST_SECRET_HEADER: "x"}) == 403
        assert asked(holding, f"/{own}{path}", {}) == 403
        assert asked(holding, f"/{own}{path}", secret) == 200
        assert asked(holding, path, secret) == 200
        # An earlier process had this address.
        assert asked(holding, f"/0123456789abcdef{path}", secret) == 410
        assert "x-fluxden" not in holding.output.lower()


def test_a_host_deletes_the_sockets_of_its_earlier_life_only(tables: None) -> None:
    sockets, before = DynamoSockets(), Identity.new("", "10.0.0.5", 8002)
    now = Identity.new("", "10.0.0.5", 8002)
    assert before.endpoint != now.endpoint
    assert before.endpoint.startswith("http://10.0.0.5:8002/")
    kept = [now.endpoint, "http://10.0.0.55:8002/a", "http://10.0.0.5:80021/a", ""]
    for number, host in enumerate([before.endpoint, *kept]):
        put(Socket(f"c{number}", f"u{number % 2}", "k", "ab" * 32, frozenset(), 1, 2**33, host=host))
    sweeper = HostSweeper(now, sockets)
    assert sweeper.sweep(lambda host: host.startswith(f"{now.url}/") and host != now.endpoint) == 1
    left = {each.host for user_id in ("u0", "u1") for each in sockets.list_of(user_id)}
    assert left == set(kept)


def test_a_host_that_refuses_connections_for_a_while_has_its_sockets_deleted(
    tables: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts_module, "GONE_SECONDS", 0.2)
    sockets = DynamoSockets()
    with socket.create_server((HOST, 0)) as listening, socket.create_server((HOST, 0)) as closed:
        alive, gone = (f"http://{HOST}:{each.getsockname()[1]}/a" for each in (listening, closed))
        closed.close()
        put(Socket("c0", "u", "k", "ab" * 32, frozenset(), 1, 2**33, host=alive))
        put(Socket("c1", "u", "k", "ab" * 32, frozenset(), 1, 2**33, host=gone))
        sweeper = HostSweeper(Identity.new("", HOST, 1), sockets)
        for host in (alive, gone, gone):
            sweeper.note_unreachable(host)
        assert wait_for(lambda: [each.host for each in sockets.list_of("u")] == [alive])
        assert wait_for(lambda: not sweeper._watched)
        assert len(sockets.list_of("u")) == 1


@pytest.mark.parametrize(
    ("given", "host", "expected"),
    [
        ("", "127.0.0.1", "http://127.0.0.1:8002/"),
        ("", "::1", "http://[::1]:8002/"),
        ("http://desk-a:9000/", "0.0.0.0", "http://desk-a:9000/"),
    ],
)
def test_a_host_is_named_by_its_address_or_as_it_is_told(given: str, host: str, expected: str) -> None:
    assert Identity.new(given, host, 8002).endpoint.startswith(expected)


@contextmanager
def opened(host: StartedContainer, desk: Desk) -> Iterator[ClientConnection]:
    """Open a browser's socket, and wait until it is live."""
    with greeted(host, desk) as client:
        assert wait_for(lambda: any(each.live for each in sockets_of(desk)))
        yield client
        if host.process.poll() is not None:
            client.socket.close()


@contextmanager
def greeted(host: StartedContainer, desk: Desk) -> Iterator[ClientConnection]:
    """Connect until a socket is greeted.

    ElasticMQ holds a receive of a killed process for up to 20 seconds, and can give it the catch-up of a socket.
    """
    protocols = [Subprotocol("bearer"), Subprotocol(desk.alice_key)]
    with ExitStack() as held:
        for _ in range(3):
            client = held.enter_context(connect(f"ws://{HOST}:{host.ws_port}", subprotocols=protocols, proxy=None))
            with suppress(TimeoutError):
                assert json.loads(client.recv(_SECONDS / 2))["type"] == "connected"
                break
            client.close()
        else:
            raise AssertionError("no socket was greeted")
        yield client


def sockets_of(desk: Desk) -> list[Socket]:
    return list(DynamoSockets().list_of(desk.user_id("alice")))


def put(row: Socket) -> None:
    columns = store.SOCKET.to_row(row)
    commit(
        [
            put_row(SOCKETS, store._socket_key(row.user_id, row.connection_id) | columns),
            put_row(
                SOCKETS,
                store._pointer_key(row.connection_id) | columns | {"heartbeatShard": store._shard(row.user_id)},
            ),
        ]
    )


def frame_of(client: ClientConnection, delivery_id: str) -> Any:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        frame = json.loads(client.recv(_SECONDS))
        if frame.get("deliveryId") == delivery_id:
            return frame
    raise AssertionError("the frame did not come")


def bulk(desk: Desk) -> dict[str, Any]:
    event = inputs.new_event()
    event.pop("recipient_hint", None)
    return {"event": event, "recipients": [{"type": "user_id", "user_id": desk.user_id("alice")}]}


def pushed(host: StartedContainer, desk: Desk) -> bool:
    answer = host.call("POST", EVENTS, inputs.new_event(), desk.alice)
    assert answer.status == 202
    return bool(answer.json["pushed"])


def asked(host: StartedContainer, path: str, headers: dict[str, str]) -> int:
    connection = HTTPConnection(HOST, host.management_port, timeout=_SECONDS)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def wait_for(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
