"""The task queue."""

from playwright.sync_api import Locator, expect

from tests.browser.conftest import PICTURES, Console


def test_tasks_are_approved_and_rejected_with_one_key(console: Console) -> None:
    console.go("queue")
    expect(console.page.get_by_role("heading", name="Queue")).to_be_visible()
    yes, no = (
        console.call_v2("POST", "/queue", {"title": title})["id"] for title in ("Water the plants", "Buy a boat")
    )

    def task(task_id: str) -> Locator:
        return console.page.locator(f'[data-task="{task_id}"]')

    expect(task(yes)).to_be_visible()
    expect(task(no)).to_be_visible()

    task(yes).focus()
    console.page.keyboard.press("y")
    ready = console.page.get_by_role("region", name="Ready")
    expect(ready.locator(f'[data-task="{yes}"]')).to_be_visible()
    expect(task(no)).to_be_focused()
    console.page.keyboard.press("n")
    expect(task(no)).to_have_count(0)
    expect(console.page.get_by_text("Rejected: Buy a boat")).to_be_visible()
    assert console.call_v2("GET", f"/queue/{yes}")["status"] == "ready"
    assert console.system.call("GET", f"/api/v2/queue/{no}", token=console.key).status == 404

    chief = console.page.get_by_role("switch", name="Chief of staff")
    chief.check()
    expect(console.page.get_by_role("region", name="In progress").locator(f'[data-task="{yes}"]')).to_be_visible()
    chief.uncheck()
    expect(console.page.get_by_text("Briefing:")).to_be_visible()
    assert console.call_v2("GET", "/settings")["mode"] == "cockpit"


def test_task_shows_the_agent_that_claimed_it(console: Console) -> None:
    task_id = console.call_v2("POST", "/queue", {"title": "Count the depots"})["id"]
    console.call_v2("POST", f"/queue/{task_id}/confirm", {"action": "approve"})
    console.go("queue")
    task = console.page.locator(f'[data-task="{task_id}"]')
    expect(task).to_be_visible()
    console.call_v2("POST", f"/queue/{task_id}/status", {"status": "in_progress"})
    expect(task).to_contain_text("Claimed by")
    console.page.screenshot(path=PICTURES / "queue-claimed.png")


def test_an_integrator_proposes_tasks_once_the_person_allows_it(console: Console) -> None:
    proposal = {"email": "alice@example.com", "title": "Renew the certificate"}
    token = console.system.demo["tools_tokens"]["fd1"]
    console.go("queue")
    allows = console.page.get_by_role("switch", name="Agents of integrators")
    expect(allows).not_to_be_checked()
    assert console.system.call("POST", "/api/v1/tasks", proposal, token).status == 404
    with console.page.expect_response("**/api/v2/settings"):
        allows.check()
    assert console.system.call("POST", "/api/v1/tasks", proposal, token).status == 201
    waiting = console.page.locator("[data-task]", has_text="Renew the certificate")
    expect(waiting).to_contain_text("fd1")
    waiting.focus()
    console.page.keyboard.press("n")
    expect(waiting).to_have_count(0)
    allows.uncheck()
