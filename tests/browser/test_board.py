"""The board of cards."""

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Console


def test_failed_load_shows_an_error_and_can_be_retried(console: Console) -> None:
    console.page.route("**/api/v2/kanban?*", lambda route: route.abort())
    console.go("board")
    expect(console.page.get_by_role("alert")).to_contain_text("Can't reach the server")
    console.page.unroute("**/api/v2/kanban?*")
    console.page.get_by_role("button", name="Try again").click()
    expect(console.page.get_by_role("heading", name="Leads")).to_be_visible()
    assert all("ERR_FAILED" in each for each in console.page_errors)
    console.page_errors.clear()


def test_card_is_moved_by_mouse_and_by_keyboard(console: Console) -> None:
    card_id = console.call_v2("POST", "/kanban", {"title": "Carried about", "status": "leads"})["id"]
    page = console.page
    console.go("board")
    card = page.locator(f"#card-{card_id}")

    def column(stage: str) -> Locator:
        return page.locator(f'[data-column="{stage}"]')

    expect(column("leads").locator(card)).to_be_visible()

    card.hover()
    page.mouse.down()
    box = column("proposal").bounding_box()
    assert box
    page.mouse.move(box["x"] + 60, box["y"] + 20, steps=8)
    page.mouse.move(box["x"] + 80, box["y"] + 60, steps=4)
    expect(page.locator(".ghost")).to_be_visible()
    page.mouse.up()
    expect(column("proposal").locator(card)).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect_status(console, card_id, "proposal")

    card.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".board [role=status]").first).to_contain_text("Qualifying")
    page.keyboard.press("Space")
    expect(column("qualifying").locator(card)).to_be_focused()
    expect_status(console, card_id, "qualifying")

    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(column("qualifying").locator(card)).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Carried about")).to_be_visible()


def expect_status(console: Console, card_id: str, status: str) -> None:
    for _ in range(50):
        if console.call_v2("GET", f"/kanban/{card_id}")["status"] == status:
            return
        console.page.wait_for_timeout(100)
    raise AssertionError(f"the card is not in {status}")
