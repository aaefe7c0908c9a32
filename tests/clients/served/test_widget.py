"""The inbox widget in the page of a company, in Chromium, behind the server that adds the person's key."""

import re
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from infra import clients
from tests.browser.conftest import ARGUMENTS, CHROMIUM, PICTURES
from tests.clients.served.conftest import run_node
from tests.support import inputs
from tests.support.started_desk import SHELL, StartedDesk

pytestmark = pytest.mark.engine("embedded")
WIDGET = clients.FOLDER / "widget"


@pytest.fixture(scope="module")
def key(started: StartedDesk) -> str:
    """A key of Bob's that permits his inbox and nothing else."""
    body = {"name": "intranet", "permissions": ["inbox"]}
    made = started.call("POST", "/api/v2/keys", body, started.demo["api_keys"]["bob"])
    assert made.status == 201, made.body
    return str(made.json["data"]["key"])


@pytest.fixture(scope="module")
def intranet(key: str, url: str, built: Path) -> Iterator[str]:
    """The address of the demo's page."""
    process = subprocess.Popen(
        [sys.executable, str(WIDGET / "demo" / "server.py")],
        env=SHELL | {"PORT": "0", "FLUXDEN_URL": url, "FLUXDEN_KEY": key},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    yield process.stdout.readline().strip()
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def built(compiled: Path) -> Path:
    run_node("npm", "run", "--silent", "widget")
    return WIDGET / "dist" / "fluxden-inbox.js"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        yield made
        made.close()


@pytest.fixture
def page(browser: Browser, intranet: str) -> Iterator[Page]:
    """The page of the demo. Fails at the end if it had errors, such as violations of its policy."""
    context = browser.new_context(locale="en-GB", viewport={"width": 900, "height": 800})
    made = context.new_page()
    errors, sent = list[str](), list[Request]()
    made.on("console", lambda each: errors.append(each.text) if each.type in {"error", "warning"} else None)
    made.on("pageerror", lambda each: errors.append(str(each)))

    def record(request: Request) -> None:
        sent.append(request)

    made.on("request", record)
    made.goto(intranet)
    yield made
    PICTURES.mkdir(parents=True, exist_ok=True)
    made.screenshot(path=PICTURES / "widget.png")
    assert not errors
    assert not [each.url for each in sent if "authorization" in each.headers or not each.url.startswith(intranet)]
    context.close()


def publish(started: StartedDesk, **event: Any) -> str:
    token = started.demo["personal_tokens"]["bob"]
    reply = started.call("POST", "/api/v1/events", inputs.new_event(**event), token)
    assert reply.status == 202, reply.body
    return str(reply.json["deliveryId"])


def find(started: StartedDesk, key: str, delivery: str) -> dict[str, Any]:
    found: dict[str, Any] = started.call("GET", f"/api/v1/inbox/{delivery}", token=key).json
    return found


def row(page: Page, delivery: str) -> Any:
    return page.locator(f'li[data-id="{delivery}"]')


def test_what_arrives_is_shown_read_when_opened_and_archived(page: Page, started: StartedDesk, key: str) -> None:
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    delivery = publish(started, title="Build 812 failed", summary="Two tests.", severity="critical")
    shown = row(page, delivery)
    expect(shown).to_contain_text("Build 812 failed")
    expect(shown).to_have_class(re.compile("unread"))
    expect(page.locator(".count")).to_contain_text("unread notification")
    shown.get_by_role("button", name="Build 812 failed").click()
    expect(shown).to_contain_text("Two tests.")
    expect(shown).not_to_have_class(re.compile("unread"))
    assert find(started, key, delivery)["readAt"] is not None
    shown.get_by_role("button", name="Archive").click()
    expect(shown).to_have_count(0)
    assert find(started, key, delivery)["archivedAt"] is not None


def test_texts_are_texts_and_a_page_of_many_goes_on(page: Page, started: StartedDesk) -> None:
    first = publish(started, title="<img src=x onerror=alert(1)>")
    for number in range(20):
        publish(started, title=f"Number {number}")
    page.reload()
    expect(page.locator("li")).to_have_count(20)
    page.get_by_role("button", name="Show more").click()
    expect(row(page, first)).to_contain_text("<img src=x onerror=alert(1)>")
    expect(page.locator("li img")).to_have_count(0)


def test_it_speaks_the_language_of_its_page(page: Page, started: StartedDesk) -> None:
    publish(started, title="One", severity="warn")
    expect(page.locator("li").first).to_contain_text("Warning")
    page.locator("fluxden-inbox").evaluate("each => each.lang = 'zh-CN'")
    expect(page.get_by_role("heading", name="收件箱")).to_be_visible()
    expect(page.locator("li").first).to_contain_text("警告")


def test_a_page_sets_its_properties_and_nothing_else_of_it(page: Page) -> None:
    heading = page.get_by_role("heading", name="Inbox")
    expect(heading).to_have_css("color", "rgb(43, 35, 32)")
    page.evaluate(
        """() => {
          const sheet = new CSSStyleSheet();
          sheet.replaceSync("h2 { color: red !important } fluxden-inbox { --fluxden-color: rgb(1, 2, 3) }");
          document.adoptedStyleSheets = [sheet];
        }"""
    )
    expect(heading).to_have_css("color", "rgb(1, 2, 3)")


def test_it_has_no_barrier_that_axe_finds(page: Page, started: StartedDesk) -> None:
    delivery = publish(started, title="Open me", external_url="https://ci.example.com/812")
    row(page, delivery).get_by_role("button", name="Open me").click()
    expect(row(page, delivery).get_by_role("link")).to_be_visible()
    # The policy of the page forbids what axe's own script does, so it is evaluated by the browser's tools.
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_its_server_passes_on_nothing_else(intranet: str) -> None:
    def status(method: str, path: str, **headers: str) -> int:
        connection = HTTPConnection(urlsplit(intranet).netloc, timeout=60)
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        return connection.getresponse().status

    same = {"Sec_Fetch_Site": "same-origin"}
    assert status("GET", "/fluxden/api/v1/inbox", **same) == 200
    assert status("GET", "/fluxden/api/v1/inbox") == 404
    assert status("GET", "/fluxden/api/v1/inbox", Sec_Fetch_Site="cross-site") == 404
    for method, path in (("GET", "/fluxden/api/v2/me"), ("PATCH", "/fluxden/api/v2/keys"), ("GET", "/api/v1/inbox")):
        assert status(method, path, **same) == 404


def test_the_page_has_the_policy_of_the_demo(intranet: str) -> None:
    connection = HTTPConnection(urlsplit(intranet).netloc, timeout=60)
    connection.request("GET", "/")
    policy = connection.getresponse().headers["Content-Security-Policy"]
    assert f"```text\n{policy}\n```" in (WIDGET / "README.md").read_text(encoding="utf-8")
