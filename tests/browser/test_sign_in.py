"""Signing in and out."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from infra.local.identity_provider import LocalIdentityProvider
from tests.browser.conftest import PICTURES, Console, Open
from tests.support.started_desk import ROOT, StartedDesk, free_ports


def test_sign_in_link_leaves_no_key_in_the_address_and_sign_out_clears_storage(open_console: Open) -> None:
    console = open_console()
    page = console.page
    page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    assert page.url == f"{console.system.demo['base_url']}/#/inbox"
    assert page.evaluate("() => history.length") <= 2
    page.reload()
    expect(page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()

    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in to Fluxden", exact=True)).to_be_visible()
    assert page.evaluate("() => [sessionStorage.length, JSON.stringify(localStorage), document.cookie]") == [
        0,
        "{}",
        "",
    ]
    page.goto(f"{console.system.demo['base_url']}/#/queue")
    expect(page.get_by_role("heading", name="Sign in to Fluxden", exact=True)).to_be_visible()


def test_invalid_key_shows_an_error_and_the_next_key_works(open_console: Open) -> None:
    console = open_console()
    console.page.goto(console.system.demo["base_url"])
    console.page.get_by_text("Use an API key").click()
    console.page.get_by_label("API key").fill("dvd_nonsense")
    console.page.get_by_role("button", name="Sign in", exact=True).click()
    expect(console.page.get_by_role("alert")).to_contain_text("Invalid or inactive API key")
    console.page.get_by_label("API key").fill(console.key)
    console.page.keyboard.press("Enter")
    expect(console.page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    console.forgive("401")


def test_link_of_another_person_asks_before_it_replaces_the_one_who_is_signed_in(open_console: Open) -> None:
    console = open_console()
    page, bobs = console.page, console.system.demo["api_keys"]["bob"]
    console.sign_in()
    page.evaluate("key => { location.hash = `#key=${key}` }", bobs)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("bob@example.com")
    expect(dialog).to_contain_text("You are signed in as Alice")
    assert bobs not in page.url
    page.screenshot(path=PICTURES / "sign-in-link.png")
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    assert page.evaluate("() => sessionStorage.getItem('fluxden.key')") == console.key

    page.evaluate("key => { location.hash = `#key=${key}` }", bobs)
    dialog.get_by_role("button", name="Sign in as Bob", exact=True).click()
    expect(page.get_by_role("link", name="Bob").first).to_be_visible()
    assert page.evaluate("() => sessionStorage.getItem('fluxden.key')") == bobs


def test_link_of_another_person_asks_in_a_new_tab_too(open_console: Open) -> None:
    console = open_console()
    console.sign_in()
    tab = console.context.new_page()
    tab.goto(f"{console.system.demo['base_url']}/#key={console.system.demo['api_keys']['bob']}")
    expect(tab.get_by_role("dialog")).to_contain_text("Another person was signed in last")
    tab.get_by_role("button", name="Cancel", exact=True).click()
    expect(tab.get_by_role("heading", name="Sign in to Fluxden", exact=True)).to_be_visible()
    # The person who was signed in last is not asked.
    tab.goto("about:blank")
    console.sign_in(tab)


def test_link_with_a_dead_key_keeps_the_person_signed_in(open_console: Open) -> None:
    console = open_console()
    console.sign_in()
    console.page.evaluate("() => { location.hash = '#key=dvd_nonsense' }")
    expect(console.page.get_by_text("You are still signed in.")).to_be_visible()
    assert console.page.evaluate("() => sessionStorage.getItem('fluxden.key')") == console.key
    console.forgive("401")


def test_address_that_was_cut_off_shows_the_inbox(open_console: Open) -> None:
    console = open_console()
    console.sign_in()
    for address in ("#/inbox/%", "#key=%", "#/inbox/%E0%A4%A", "#/inbox/%?x=%"):
        console.page.evaluate("to => { location.hash = to }", address)
        expect(console.page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()


def new_link(system: StartedDesk, name: str = "alice") -> str:
    """Create a sign-in link as an operator does."""
    command = [sys.executable, "-m", "infra.admin", "employees", "sign-in-link", f"{name}@example.com", "--json"]
    done = subprocess.run(
        command, env=os.environ | system.demo["admin_env"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return str(json.loads(done.stdout)["link"])


def enter(console: Console, link: str) -> None:
    console.page.goto(link)
    expect(console.page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    expect(console.page.locator(".live-live")).to_be_attached()


def test_the_sign_in_page_says_what_to_do(open_console: Open) -> None:
    for size, name in (((1440, 900), "sign-in"), ((360, 740), "sign-in-phone")):
        page = open_console(viewport={"width": size[0], "height": size[1]}).page
        page.goto(open_console().system.demo["base_url"])
        expect(page.get_by_text("Open the sign-in link")).to_be_visible()
        page.screenshot(path=PICTURES / f"{name}.png")
        page.get_by_text("Use an API key").click()
        expect(page.get_by_label("API key")).to_be_visible()
        page.screenshot(path=PICTURES / f"{name}-key.png")


def test_a_sign_in_link_begins_a_session_for_all_tabs(open_console: Open) -> None:
    console = open_console()
    enter(console, new_link(console.system))
    (cookie,) = console.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["secure"], cookie["sameSite"], cookie["path"]) == (
        "__Host-fluxden-session",
        True,
        True,
        "Lax",
        "/",
    )
    assert console.page.evaluate("() => [sessionStorage.length, document.cookie]") == [0, ""]
    assert cookie["value"] not in console.page.evaluate("() => JSON.stringify(localStorage)")
    tab = console.context.new_page()
    console.watch(tab)
    tab.goto(f"{console.system.demo['base_url']}/#/queue")
    expect(tab.get_by_role("heading", name="Queue", exact=True)).to_be_visible()
    expect(tab.locator(".live-live")).to_be_attached()
    delivery = console.publish(title="Seen by the session")
    expect(console.card(delivery)).to_be_visible()
    console.card(delivery).click()
    expect(console.page.get_by_role("heading", name="Seen by the session", exact=True)).to_be_visible()
    console.page.keyboard.press("e")
    expect(console.card(delivery)).not_to_be_visible()

    console.page.get_by_role("button", name="Sign out", exact=True).click()
    expect(console.page.get_by_role("heading", name="Sign in to Fluxden", exact=True)).to_be_visible()
    assert console.context.cookies() == []
    expect(tab.get_by_role("heading", name="Sign in to Fluxden", exact=True)).to_be_visible()
    assert "Seen by the session" not in tab.content()
    console.forgive("401")


def test_a_sign_in_link_works_once(open_console: Open) -> None:
    first, second = open_console(), open_console()
    link = new_link(first.system)
    enter(first, link)
    second.page.goto(link)
    expect(second.page.get_by_role("alert")).to_contain_text("used before, or has expired")
    second.forgive("401")


def test_the_sign_in_link_of_another_person_asks_first(open_console: Open) -> None:
    console = open_console()
    enter(console, new_link(console.system))
    bobs = new_link(console.system, "bob")
    console.page.goto(bobs)
    dialog = console.page.get_by_role("dialog")
    expect(dialog).to_contain_text("bob@example.com")
    dialog.get_by_role("button", name="Stay signed in").click()
    expect(console.page.get_by_role("link", name="Alice").first).to_be_visible()
    console.page.goto(bobs)
    dialog.get_by_role("button", name="Sign in as Bob", exact=True).click()
    expect(console.page.get_by_role("link", name="Bob").first).to_be_visible()
    # What was on its way with Alice's session may be refused, and that ends nothing.
    console.forgive("401")


def test_an_ended_session_leaves_no_content_on_screen(open_console: Open) -> None:
    here, there = open_console(), open_console()
    for each in (there, here):
        enter(each, new_link(here.system))
    delivery_id = there.publish(title="Secret plan")
    there.card(delivery_id).click()
    expect(there.page.locator(".sheet h2")).to_have_text("Secret plan")
    here.go("you?tab=sessions")
    here.page.get_by_role("button", name="Sign out everywhere else", exact=True).click()
    here.page.get_by_role("dialog").get_by_role("button", name="Sign out", exact=True).click()
    expect(there.page.get_by_role("heading", name="Sign in to Fluxden", exact=True)).to_be_visible()
    assert "Secret plan" not in there.page.content()
    there.forgive("401", "WebSocket")


def test_a_person_signs_out_elsewhere(open_console: Open) -> None:
    here, there = open_console(), open_console(viewport={"width": 360, "height": 740})
    for each in (there, here):
        enter(each, new_link(here.system))
    here.go("you?tab=sessions")
    expect(here.page.get_by_text("This browser")).to_be_visible()
    expect(here.page.locator(".row-card").nth(1)).to_be_visible()
    here.page.screenshot(path=PICTURES / "sessions.png")
    there.go("you?tab=sessions")
    expect(there.page.locator(".row-card").first).to_be_visible()
    there.page.screenshot(path=PICTURES / "sessions-phone.png")
    here.page.get_by_role("button", name="Sign out everywhere else", exact=True).click()
    here.page.get_by_role("dialog").get_by_role("button", name="Sign out", exact=True).click()
    expect(here.page.locator(".row-card")).to_have_count(1)
    expect(there.page.get_by_role("heading", name="Sign in to Fluxden", exact=True)).to_be_visible()
    there.forgive("401")


def test_the_link_that_the_demo_prints_signs_alice_in(open_console: Open) -> None:
    console = open_console()
    enter(console, console.system.demo["console_url"])
    expect(console.page.get_by_role("link", name="Alice").first).to_be_visible()


@pytest.fixture(scope="module")
def company(system: StartedDesk) -> Iterator[None]:
    """Let people sign in with a certified provider of identities."""
    (port, _) = free_ports()
    provider = LocalIdentityProvider(port, system.demo["base_url"])
    command = ["sso", "add", "demo", "--name", "Example Ltd", "--issuer", provider.issuer, "--client-id", "fluxden"]
    command += ["--domain", "example.com", "--create-people", "--operator-group", "desk-admins"]
    environment = os.environ | system.demo["admin_env"] | {"SSO_CLIENT_SECRET": provider.secret, "ALLOW_LOOPBACK": "1"}
    subprocess.run([sys.executable, "-m", "infra.admin", *command], env=environment, cwd=ROOT, check=True)
    yield
    provider.stop()


def forget_fonts(console: Console) -> None:
    """The provider's own pages load fonts from other hosts, and have no icon."""
    console.forgive("ERR_NAME_NOT_RESOLVED", "404 (Not Found)")


def sign_in_at_the_provider(page: Page, name: str) -> None:
    page.get_by_role("button", name="Sign in with Example Ltd", exact=True).click()
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill("any")
    page.locator("button[type=submit]").click()
    # What the desk may know is asked once.
    page.locator("button[type=submit]").click()


@pytest.mark.usefixtures("company")
def test_a_person_signs_in_with_the_companys_account_and_ends_where_they_wanted(open_console: Open) -> None:
    console = open_console()
    page, base = console.page, console.system.demo["base_url"]
    page.goto(f"{base}/#/board")
    expect(page.get_by_role("button", name="Sign in with Example Ltd", exact=True)).to_be_visible()
    page.screenshot(path=PICTURES / "sign-in-company.png")
    sign_in_at_the_provider(page, "zoe")
    expect(page.get_by_role("heading", name="Board", exact=True)).to_be_visible()
    expect(page.get_by_text("zoe@example.com")).to_be_visible()
    expect(page.locator(".live-live")).to_be_attached()
    assert {each["name"] for each in console.context.cookies(base)} >= {"__Host-fluxden-session"}
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in to Fluxden", exact=True)).to_be_visible()
    # The second time the provider knows her, and the desk knows her subject.
    page.get_by_role("button", name="Sign in with Example Ltd", exact=True).click()
    expect(page.get_by_text("zoe@example.com")).to_be_visible()
    # What was on its way when the session ended is refused.
    console.forgive("401")
    forget_fonts(console)


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_a_person_whom_the_provider_has_not_verified_is_told_what_to_do(open_console: Open, locale: str) -> None:
    console = open_console(viewport={"width": 360, "height": 740}, locale=locale)
    page = console.page
    page.goto(console.system.demo["base_url"])
    page.get_by_role("button", name="Example Ltd").click()
    page.locator("input[name=login]").fill("mallory")
    page.locator("input[name=password]").fill("any")
    for _ in range(2):
        page.locator("button[type=submit]").click()
    words = "has not verified your e-mail address" if locale == "en-GB" else "尚未验证您的邮箱地址"
    expect(page.get_by_role("alert")).to_contain_text(words)
    page.screenshot(path=PICTURES / f"sign-in-refused-{locale}.png")
    assert not [each for each in console.context.cookies() if each["name"].startswith("__Host-fluxden")]
    forget_fonts(console)


@pytest.mark.usefixtures("company")
def test_an_answer_of_the_provider_to_another_browser_signs_nobody_in(open_console: Open) -> None:
    thief, victim = open_console(), open_console()
    stolen: list[str] = []
    thief.page.on("request", lambda request: stolen.extend([request.url] if "/callback?" in request.url else []))
    thief.page.goto(thief.system.demo["base_url"])
    sign_in_at_the_provider(thief.page, "zoe")
    expect(thief.page.get_by_text("zoe@example.com")).to_be_visible()
    victim.page.goto(stolen[0])
    expect(victim.page.get_by_role("alert")).to_contain_text("This attempt is over")
    assert not [each for each in victim.context.cookies() if each["name"].startswith("__Host-fluxden")]
    forget_fonts(thief)


def test_a_provider_that_is_down_is_answered_kindly(open_console: Open, system: StartedDesk) -> None:
    (port, _) = free_ports()
    provider = LocalIdentityProvider(port, system.demo["base_url"])
    command = [sys.executable, "-m", "infra.admin", "sso"]
    environment = os.environ | system.demo["admin_env"] | {"SSO_CLIENT_SECRET": provider.secret, "ALLOW_LOOPBACK": "1"}
    added = ["add", "down", "--name", "Down Ltd", "--issuer", provider.issuer, "--client-id", "fluxden"]
    subprocess.run([*command, *added, "--domain", "example.com"], env=environment, cwd=ROOT, check=True)
    provider.stop()
    try:
        page = open_console().page
        page.goto(f"{system.demo['base_url']}/#/board")
        page.get_by_role("button", name="Down Ltd").click()
        expect(page.get_by_role("alert")).to_contain_text("can't be reached. Try again in a moment")
        expect(page.get_by_role("button", name="Down Ltd")).to_be_visible()
    finally:
        subprocess.run([*command, "remove", "down"], env=environment, cwd=ROOT, check=True)


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("name", "width", "height"), [("computer", 1440, 900), ("phone", 360, 740)])
def test_the_sign_in_page_offers_the_companys_account_first_and_then_passkeys(
    open_console: Open, theme: str, name: str, width: int, height: int
) -> None:
    console = open_console(viewport={"width": width, "height": height}, color_scheme=theme)
    page = console.page
    page.goto(console.system.demo["base_url"].replace("127.0.0.1", "localhost"))
    expect(page.get_by_role("button")).to_have_text(["Sign in with Example Ltd", "Sign in with a passkey"])
    expect(page.get_by_text("Or open a sign-in link")).to_be_visible()
    page.screenshot(path=PICTURES / f"sign-in-all-{name}-{theme}.png")
