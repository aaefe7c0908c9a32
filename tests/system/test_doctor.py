"""The doctor at a running desk."""

import json
from collections.abc import Iterator

import pytest

from tests.support.started_desk import StartedDesk, start_desk

pytestmark = pytest.mark.engine("embedded")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedDesk]:
    with start_desk(tmp_path_factory.mktemp("doctor"), ALLOW_LOOPBACK="1") as made:
        yield made


def test_every_hop_succeeds_and_test_data_is_deleted(system: StartedDesk) -> None:
    for _ in range(2):
        seen = system.run("infra.admin", "doctor", "--json")
        assert seen.returncode == 0, seen.stderr
        hops = {each["hop"]: each for each in json.loads(seen.stdout)}
        assert list(hops) == [
            *("health", "stores", "key", "federation", "socket", "publish", "inbox", "frame", "callback", "clean up")
        ]
        assert {each["result"] for each in hops.values()} == {"ok"}
        assert all(each["milliseconds"] > 0 for each in hops.values())
    people = json.loads(system.run("infra.admin", "employees", "list", "--json").stdout)
    (doctor,) = (each for each in people if each["email"] == "doctor@fluxden.invalid")
    assert doctor["active"] is False
    tokens = system.run("infra.admin", "personal-tokens", "list", "--owner", "doctor@fluxden.invalid", "--json")
    assert json.loads(tokens.stdout) == []


@pytest.mark.parametrize(
    ("options", "environment", "last", "advice"),
    [
        (["--url", "http://127.0.0.1:9"], {}, "health", "that the desk is running"),
        ([], {"FLUXDEN_PREFIX": "other"}, "stores", "FLUXDEN_PREFIX"),
        (["--socket-url", "ws://127.0.0.1:9"], {}, "socket", "Can't open a WebSocket"),
    ],
)
def test_the_doctor_stops_at_the_first_failed_hop_with_advice(
    system: StartedDesk, options: list[str], environment: dict[str, str], last: str, advice: str
) -> None:
    seen = system.run("infra.admin", "doctor", *options, **environment)
    assert seen.returncode == 1
    assert advice in seen.stderr
    assert seen.stdout.splitlines()[-1].split() == [last, "-", "failed"]
