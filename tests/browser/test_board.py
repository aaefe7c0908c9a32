"""The board of cards."""

from playwright.sync_api import Locator, expect

from tests.browser.conftest import PICTURES, Console


def test_failed_load_shows_an_error_and_can_be_retried(console: Console) -> None:
    console.page.route("**/api/v2/kanban?*", lambda route: route.abort())
    console.go("board")
    expect(console.page.get_by_role("alert")).to_contain_text("Can't reach the server")
    console.page.unroute("**/api/v2/kanban?*")
    console.page.get_by_role("button", name="Try again", exact=True).click()
    expect(console.page.get_by_role("heading", name="Leads")).to_be_visible()
    console.forgive("ERR_FAILED")


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
    expect(page.get_by_role("dialog", name="Carried about", exact=True)).to_be_visible()


def expect_status(console: Console, card_id: str, status: str) -> None:
    for _ in range(50):
        if console.call_v2("GET", f"/kanban/{card_id}")["status"] == status:
            return
        console.page.wait_for_timeout(100)
    raise AssertionError(f"the card is not in {status}")


def test_cards_each_dropped_second_stand_second(console: Console) -> None:
    """Thirteen are enough to use up the room between two orders."""
    titles = [f"Card {number}" for number in range(13)]
    ids = {each: console.call_v2("POST", "/kanban", {"title": each, "status": "paused"})["id"] for each in titles}
    console.go("board")
    first, *others = shown_titles(console, "paused")
    for title in titles:
        move_up_to(console, ids[title], "paused", 1)
    wanted = [first, *reversed(titles), *(each for each in others if each not in ids)]
    assert shown_titles(console, "paused") == wanted
    console.page.reload()
    assert shown_titles(console, "paused") == wanted
    console.page.locator('[data-column="paused"]').scroll_into_view_if_needed()
    console.page.screenshot(path=PICTURES / "board-dropped-second.png")


def test_cards_of_equal_order_are_dragged_apart(console: Console) -> None:
    ids = [
        console.call_v2("POST", "/kanban", {"title": f"Equal {each}", "status": "planning", "order": 0})["id"]
        for each in "cba"
    ]
    console.go("board")
    assert shown_titles(console, "planning") == ["Equal a", "Equal b", "Equal c"]
    drag_above(console, ids[0], ids[1])
    assert shown_titles(console, "planning") == ["Equal a", "Equal c", "Equal b"]
    console.page.reload()
    assert shown_titles(console, "planning") == ["Equal a", "Equal c", "Equal b"]


def move_up_to(console: Console, card_id: str, stage: str, at: int) -> None:
    """Move a card up by keyboard to index `at` of its column."""
    page = console.page
    tiles = page.locator(f'[data-column="{stage}"] [data-card]')
    index = tiles.evaluate_all("(found, id) => found.findIndex((each) => each.dataset.card === id)", card_id)
    if index == at:
        return
    page.locator(f"#card-{card_id}").focus()
    page.keyboard.press("Space")
    for _ in range(index - at):
        page.keyboard.press("ArrowUp")
    with page.expect_response(lambda reply: reply.request.method == "PATCH") as moved:
        page.keyboard.press("Space")
    assert moved.value.ok


def drag_above(console: Console, card_id: str, other_id: str) -> None:
    """Drag a card by mouse onto the upper half of another one of its column."""
    page = console.page
    page.locator(f"#card-{card_id}").hover()
    page.mouse.down()
    box = page.locator(f"#card-{other_id}").bounding_box()
    assert box
    page.mouse.move(box["x"] + 60, box["y"] + box["height"], steps=8)
    page.mouse.move(box["x"] + 60, box["y"] + 4, steps=8)
    with page.expect_response(lambda reply: reply.request.method == "PATCH") as moved:
        page.mouse.up()
    assert moved.value.ok


def shown_titles(console: Console, stage: str) -> list[str]:
    tiles = console.page.locator(f'[data-column="{stage}"] .card-title')
    expect(tiles.first).to_be_visible()
    titles: list[str] = tiles.all_inner_texts()
    return titles


def test_board_shows_what_an_agent_changes(console: Console) -> None:
    card = console.call_v2("POST", "/kanban", {"title": "Watched card"})["id"]
    console.go("board")
    shown = console.page.locator(f"#card-{card}")
    expect(shown).to_be_visible()
    console.call_v2("PATCH", f"/kanban/{card}", {"title": "Renamed by an agent", "status": "active"})
    expect(console.page.locator('[data-column="active"]').locator(f"#card-{card}")).to_contain_text(
        "Renamed by an agent"
    )
    other = console.call_v2("POST", "/kanban", {"title": "Added by an agent"})["id"]
    expect(console.page.locator(f"#card-{other}")).to_be_visible()
    for each in (card, other):
        assert console.system.call("DELETE", f"/api/v2/kanban/{each}", token=console.key).status == 200
        expect(console.page.locator(f"#card-{each}")).to_have_count(0)
