"""The console behind API Gateway, whose stage is a part of the address."""

import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import Desk
from tests.support.stage_proxy import serve_stage


@pytest.mark.parametrize("address", ["/desk", "/desk/"])
def test_person_signs_in_and_stays_at_the_address_of_a_stage(browser: Browser, desk: Desk, address: str) -> None:
    with serve_stage("/desk") as origin, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{origin}{address}#key={desk.demo['api_keys']['alice']}")
        expect(page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
        page.evaluate("window.isSamePage = true")
        page.get_by_role("link", name="Board", exact=True).first.click()
        expect(page.get_by_role("heading", name="Board", exact=True)).to_be_visible()
        assert page.url == f"{origin}/desk/#/board"
        assert page.evaluate("window.isSamePage")
