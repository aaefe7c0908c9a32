"""Fixtures: a tab of each engine that is installed."""

from collections.abc import Iterator

import pytest

from tests.browser.caller import Caller
from tests.browser.conftest import PICTURES
from tests.browser.engines import firefox, webkit
from tests.browser.engines.shown_console import ShownConsole
from tests.browser.engines.tab import OpenTab
from tests.browser.test_narrow_screens import write_hostile_content
from tests.support.started_desk import StartedDesk, start_desk

# Whether it is installed, how it is started, and what to install.
ENGINES = {
    "firefox": (firefox.find_firefox, firefox.start_firefox, firefox.PACKAGES),
    "webkit": (webkit.find_webkit, webkit.start_webkit, webkit.PACKAGES),
}


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedDesk]:
    """A desk of their own, so that what these tests write is in no other test's way."""
    with start_desk(tmp_path_factory.mktemp("engines"), FLUXDEN_KEY_BUDGET="100000") as made:
        yield made


@pytest.fixture(scope="session")
def hostile(system: StartedDesk) -> tuple[str, str]:
    """The ids of a notification and a card whose texts are as wide as can be."""
    return write_hostile_content(Caller(system))


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def open_tab(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenTab]:
    find, start, packages = ENGINES[engine]
    if not find():
        pytest.skip(f"Not tested in {engine}. To install it: apt-get install {packages}")
    with start(tmp_path_factory.mktemp(engine)) as made:
        yield made


@pytest.fixture
def console(
    open_tab: OpenTab, system: StartedDesk, engine: str, request: pytest.FixtureRequest
) -> Iterator[ShownConsole]:
    """A console that nobody has signed in to. Fails at the end if its page reported errors."""
    failed = request.session.testsfailed
    with open_tab() as tab:
        tab.resize(1440, 900)
        made = ShownConsole(tab, system)
        yield made
        if request.session.testsfailed > failed:
            made.take_screenshot(PICTURES / f"failed-{engine}-{request.node.originalname}.png")
        errors = tab.list_errors()
    assert errors == []
