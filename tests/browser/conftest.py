"""Fixtures: a running system, and Chromium pages that use its console."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.caller import Caller
from tests.support.started_desk import StartedDesk, start_desk

# Screenshots for people to look at; they are not compared.
PICTURES = Path(__file__).parents[2] / "build" / "browser"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

expect.set_options(timeout=10_000)


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedDesk]:
    # Tests are faster than people, so the rate limit is raised. Callbacks go to a receiver on this machine.
    with start_desk(tmp_path_factory.mktemp("desk"), ALLOW_LOOPBACK="1", FLUXDEN_KEY_BUDGET="100000") as made:
        yield made


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        yield made
        made.close()


class Console(Caller):
    """A signed-in person: their console page, and API calls with their credentials."""

    def __init__(self, page: Page, system: StartedDesk, context: BrowserContext, name: str = "alice") -> None:
        super().__init__(system, name)
        self.page = page
        self.context = context
        self.page_errors: list[str] = []
        self._forgiven: list[str] = []

    def sign_in(self, page: Page | None = None) -> None:
        shown = page or self.page
        shown.goto(f"{self.system.demo['base_url']}/#key={self.key}")
        expect(shown.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
        expect(shown.locator(".live-live")).to_be_attached()

    def go(self, page: str) -> None:
        self.page.goto(f"{self.system.demo['base_url']}/#/{page}")

    def card(self, delivery_id: str) -> Any:
        return self.page.locator(f"#item-{delivery_id}")

    def watch(self, page: Page) -> None:
        """Record the errors and warnings of a page."""

        def record(text: str) -> None:
            if not any(each in text for each in self._forgiven):
                self.page_errors.append(text)

        page.on("console", lambda message: record(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: record(str(error)))

    def forgive(self, *texts: str) -> None:
        """Let errors be that have one of the texts, also those that are still to come."""
        self._forgiven += texts
        self.page_errors[:] = [each for each in self.page_errors if not any(text in each for text in texts)]


Open = Callable[..., Console]


@pytest.fixture
def open_console(browser: Browser, system: StartedDesk, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Open a console in its own browser context. Fails at the end if a page had errors."""
    opened: list[Console] = []

    def make_one(name: str = "alice", **options: Any) -> Console:
        context = browser.new_context(**({"viewport": {"width": 1440, "height": 900}, "locale": "en-GB"} | options))
        page = context.new_page()
        console = Console(page, system, context, name)
        console.watch(page)
        opened.append(console)
        return console

    failed = request.session.testsfailed
    yield make_one
    PICTURES.mkdir(parents=True, exist_ok=True)
    for number, console in enumerate(opened):
        if request.session.testsfailed > failed:
            console.page.screenshot(path=PICTURES / f"failed-{request.node.name}-{number}.png")
        console.context.close()
    assert [each for console in opened for each in console.page_errors] == []


@pytest.fixture
def console(open_console: Open) -> Console:
    made = open_console()
    made.sign_in()
    return made
