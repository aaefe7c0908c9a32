"""The admin pages."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Console, Open
from tests.browser.test_narrow_screens import check


def test_administrator_creates_a_token_and_sees_it_once(console: Console) -> None:
    page = console.page
    console.publish()
    page.get_by_role("link", name="Admin", exact=True).click()
    page.get_by_role("button", name="Tools tokens", exact=True).click()
    page.get_by_role("button", name="New tools token", exact=True).click()
    page.get_by_role("button", name="Create token", exact=True).click()
    token = page.get_by_label("Token", exact=True).input_value()
    assert token.startswith("flux-tools-")
    assert console.system.call("GET", "/api/v1/event-types", token=token).status == 200
    page.get_by_role("button", name="I've saved it", exact=True).click()
    expect(page.get_by_text(token)).to_have_count(0)

    page.get_by_role("button", name="Event types", exact=True).click()
    chart = page.get_by_role("figure").first
    expect(chart.get_by_role("img", name=re.compile("fd1: [0-9]+ notifications? in the last 90 days"))).to_be_visible()
    expect(chart.locator(".chart-days span")).to_have_count(3)
    expect(chart.locator(".chart-numbers span").last).to_have_text("0")
    check(page, "event-types")
    page.get_by_role("button", name="Failed messages", exact=True).click()
    expect(page.get_by_text("No failed messages", exact=True)).to_be_visible()


def test_admin_pages_are_hidden_from_other_people(open_console: Open) -> None:
    console = open_console("bob")
    console.sign_in()
    expect(console.page.get_by_role("link", name="Admin", exact=True)).to_have_count(0)
    for page in ("operate", "nowhere"):
        console.go(page)
        expect(console.page.get_by_text("Page not found.")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1440])
def test_first_event_is_sent_with_a_new_token_and_its_arrival_is_shown(open_console: Open, width: int) -> None:
    console = open_console(viewport={"width": width, "height": 900})
    console.sign_in()
    page = console.page
    token = create_token(console)
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Send a test event", exact=True).click()
    expect(dialog.get_by_text("Arrived: Test event of fd1")).to_be_visible()
    check(page, f"first-event-{width}")
    programs = (("curl", ["bash", "-c"]), ("Python", [sys.executable, "-c"]))
    for name, command in programs:
        dialog.get_by_role("button", name=name, exact=True).click()
        program = dialog.get_by_role("region", name="Program", exact=True).inner_text()
        assert token not in program
        subprocess.run([*command, program], env={**os.environ, "FLUXDEN_TOKEN": token}, check=True, timeout=60)
        expect(dialog.get_by_text(f"Arrived: Hello from {name}")).to_be_visible()
    dialog.get_by_role("button", name="TypeScript", exact=True).click()
    expect(dialog.get_by_role("region", name="Program", exact=True)).to_contain_text("process.env.FLUXDEN_TOKEN")
    check(page, f"first-event-typescript-{width}")


def test_program_in_typescript_publishes_the_first_event(console: Console) -> None:
    if (node := shutil.which("node")) is None:
        pytest.skip("Node.js runs the program, and is not installed")
    token = create_token(console)
    dialog = console.page.get_by_role("dialog")
    dialog.get_by_role("button", name="TypeScript", exact=True).click()
    program = dialog.get_by_role("region", name="Program", exact=True).inner_text()
    command = [node, "--input-type=module", "--eval", program]
    subprocess.run(command, env={**os.environ, "FLUXDEN_TOKEN": token}, check=True, timeout=60)
    expect(dialog.get_by_text("Arrived: Hello from TypeScript")).to_be_visible()


def test_test_event_that_reaches_nobody_says_why(console: Console) -> None:
    create_token(console, integrator="hr")
    dialog = console.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Send a test event", exact=True).click()
    expect(dialog.get_by_text("you are not approved for this integrator")).to_be_visible()


def create_token(console: Console, integrator: str = "fd1") -> str:
    """Create a tools token in the console, and leave the dialog that shows it open."""
    console.go("operate?tab=tokens")
    console.page.get_by_role("button", name="New tools token", exact=True).click()
    console.page.get_by_role("combobox", name="Integrator", exact=True).select_option(integrator)
    console.page.get_by_role("button", name="Create token", exact=True).click()
    return str(console.page.get_by_label("Token", exact=True).input_value())
