"""Fixtures of every test: an engine with our tables, and the demo organisation in it."""

import gc
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import time_machine

from chalicelib.ids import TokenKind, mint_token
from chalicelib.settings import settings
from chalicelib.tokens.stores.tokens import DynamoTokens
from chalicelib.vault import new_key
from infra import demo
from infra.local import engine, engines
from tests.support import engine_state, lean_engine
from tests.support.api import Api
from tests.support.engine_comparison import compare_with_moto
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.sockets import Sockets

# Examples have no deadline, because a loaded machine can be slow.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# The demo organisation is created once, so its secrets must open in every test.
_SECRET_KEY = new_key()
_PROCESSES = Path(__file__).with_name("system")
_LATE_MINUTE = 57


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine",
        choices=("embedded", "compared", "real"),
        default="embedded",
        help="moto in the tests' process; the same, with every request about rows also answered by unchanged moto and "
        "compared; or DynamoDB Local and ElasticMQ as processes of their own",
    )


def pytest_configure(config: pytest.Config) -> None:
    # Until all tests are collected, whatever is made stays.
    gc.disable()
    if config.getoption("engine") == "real" and not hasattr(config, "workerinput"):
        engines.fetch_engines()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests that are marked for another engine."""
    chosen = "real" if config.getoption("engine") == "real" else "embedded"
    others = [each for each in items if (mark := each.get_closest_marker("engine")) and mark.args != (chosen,)]
    config.hook.pytest_deselected(items=others)
    items[:] = [each for each in items if each not in others]


def pytest_collection_finish() -> None:
    """Let the garbage collector look at what tests make only: modules and tests stay to the end."""
    gc.freeze()
    gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Run tests of browser, image, served clients and agents only if they are named, as by `make test-browser`."""
    name = collection_path.name
    return (
        True
        if name in ("agent_kits", "browser", "image", "served") and not any(name in each for each in config.args)
        else None
    )


@pytest.fixture(scope="session", autouse=True)
def _engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    if request.config.getoption("engine") == "embedded":
        engine.embed()
        lean_engine.install_if_wanted()
        yield
        return
    if request.config.getoption("engine") == "compared":
        engine.embed()
        with compare_with_moto() as comparison:
            yield
        assert not comparison.differences, "\n".join(comparison.differences[:3])
        return
    with engines.start_engines(tmp_path_factory.mktemp("engines")) as endpoints:
        engine.attach(endpoints)
        engine_state.use_external_engine()
        lean_engine.install_if_wanted()
        yield


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FLUXDEN_SECRET_KEY", _SECRET_KEY)
    monkeypatch.setenv("FLUXDEN_BASE_URL", "http://desk.test")
    monkeypatch.delenv("ALLOW_LOOPBACK", raising=False)
    # The engine's indexes don't lag.
    monkeypatch.setattr("chalicelib.api.deactivation.SETTLING_SECONDS", 0)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture(autouse=True)
def _new_minute(request: pytest.FixtureRequest) -> Iterator[None]:
    """Begin the test when a minute begins, and not just before an hour ends.

    Budgets are of a minute, counts of an hour and limits of a day, so a test that happens to begin late in one would
    see two. Tests of other processes have the machine's clock, as those processes do.
    """
    if request.path.is_relative_to(_PROCESSES):
        yield
        # Other processes may have written rows, which the next test must not see.
        engine_state.engine().refresh()
        return
    start = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    if start.minute >= _LATE_MINUTE:
        start = start.replace(minute=0) + timedelta(hours=1)
    with time_machine.travel(start, tick=True):
        yield


@pytest.fixture
def tables() -> None:
    engine_state.clear_engine()


@dataclass(frozen=True)
class Desk:
    """The desk under test with the demo organisation: the contents of its demo file."""

    demo: dict[str, Any]

    def user_id(self, name: str) -> str:
        found: str = self.demo["users"][name]["user_id"]
        return found

    @property
    def alice(self) -> str:
        return str(self.demo["personal_tokens"]["alice"])

    @property
    def bob(self) -> str:
        return str(self.demo["personal_tokens"]["bob"])

    @property
    def moderated(self) -> str:
        return str(self.demo["personal_tokens"]["moderated"])

    @property
    def fd1(self) -> str:
        return str(self.demo["tools_tokens"]["fd1"])

    @property
    def hr(self) -> str:
        return str(self.demo["tools_tokens"]["hr"])

    @property
    def alice_key(self) -> str:
        return str(self.demo["api_keys"]["alice"])

    @property
    def bob_key(self) -> str:
        return str(self.demo["api_keys"]["bob"])

    def personal(self, **overrides: Any) -> str:
        """Return a new personal token of a new employee, for integrator fd1."""
        grant = demo.personal_grant("fd1", demo.identifier("user", "new"), self.user_id("alice"))
        made = type(grant)(**{**vars(grant), **overrides})
        token = mint_token(TokenKind.PERSONAL, made.grant_id)
        DynamoTokens().add_personal(made, token, now=datetime.now(UTC))
        return token.text


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("DEMO_FILE", str(tmp_path / "demo.json"))
    return Desk(engine_state.restore_demo_organisation())


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def pump() -> Pumps:
    return Pumps()


@pytest.fixture
def _retry_immediately(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry failed messages immediately, because tests can't move the clock of external queues."""
    monkeypatch.setattr("infra.local.pump.BACK_OFF_SECONDS", 0)


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    """A WebSocket gateway without network sockets."""
    made = Sockets()
    engine.route_sockets(made)
    yield made
    engine.unroute_sockets(made)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """An HTTP server on this machine that callbacks can reach."""
    monkeypatch.setenv("ALLOW_LOOPBACK", "1")
    settings.cache_clear()
    with Receiver() as started:
        yield started
