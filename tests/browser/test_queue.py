"""The task queue."""

import json
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Locator, expect

from tests.browser.conftest import PICTURES, Console, Open


def wait_until_armed(task: Locator) -> None:
    """Scroll to the task, since keys act only on what has been on the screen for a second."""
    task.scroll_into_view_if_needed()
    expect(task).to_have_attribute("data-armed", "")


def finish_tasks_of_other_tests(console: Console) -> None:
    """Complete what the chief of staff would hand out first, or waits for."""
    for status in ("in_progress", "ready"):
        for left in console.call_v2("GET", f"/queue?status={status}&limit=100")["items"]:
            if status == "ready":
                console.call_v2("POST", f"/queue/{left['id']}/status", {"status": "in_progress"})
            console.call_v2("POST", f"/queue/{left['id']}/result", {"result": "Done"})


def test_tasks_are_approved_and_rejected_with_one_key(console: Console) -> None:
    finish_tasks_of_other_tests(console)
    console.go("queue")
    expect(console.page.get_by_role("heading", name="Queue")).to_be_visible()
    yes, no = (
        console.call_v2("POST", "/queue", {"title": title, "priority": "urgent"})["id"]
        for title in ("Water the plants", "Buy a boat")
    )

    def task(task_id: str) -> Locator:
        return console.page.locator(f'[data-task="{task_id}"]')

    expect(task(yes)).to_be_visible()
    expect(task(no)).to_be_visible()

    wait_until_armed(task(yes))
    task(yes).focus()
    console.page.keyboard.press("y")
    ready = console.page.get_by_role("region", name="Ready", exact=True)
    expect(ready.locator(f'[data-task="{yes}"]')).to_be_visible()
    wait_until_armed(task(no))
    task(no).focus()
    console.page.keyboard.press("n")
    expect(task(no)).to_have_count(0)
    expect(console.page.get_by_text("Rejected: Buy a boat")).to_be_visible()
    assert console.call_v2("GET", f"/queue/{yes}")["status"] == "ready"
    assert console.system.call("GET", f"/api/v2/queue/{no}", token=console.key).status == 404

    chief = console.page.get_by_role("switch", name="Chief of staff")
    chief.check()
    expect(
        console.page.get_by_role("region", name="In progress", exact=True).locator(f'[data-task="{yes}"]')
    ).to_be_visible()
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
    wait_until_armed(waiting)
    waiting.focus()
    console.page.keyboard.press("n")
    expect(waiting).to_have_count(0)
    allows.uncheck()


def propose(console: Console, title: str, **fields: object) -> str:
    return str(console.call_v2("POST", "/queue", {"title": title, **fields})["id"])


def status_of(console: Console, task_id: str) -> str:
    return str(console.call_v2("GET", f"/queue/{task_id}")["status"])


def run_until_visible(task: Locator) -> None:
    """Let the page's stopped clock run until the task's arrival is shown, which waits for a timer after its event."""
    for _ in range(100):
        if task.is_visible():
            break
        task.page.clock.run_for(50)
        task.page.wait_for_timeout(50)
    expect(task).to_be_visible()


def test_a_key_acts_only_on_a_selected_task_that_has_been_visible_for_a_second(console: Console) -> None:
    console.go("queue")
    expect(console.page.get_by_role("heading", name="Queue")).to_be_visible()
    # Time stands still, so the task has surely been visible for less than a second.
    console.page.clock.install()
    console.page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=10))
    task_id = propose(console, "Wire the money")
    task = console.page.locator(f'[data-task="{task_id}"]')
    run_until_visible(task)

    console.page.keyboard.press("y")
    expect(console.page.get_by_text("Select a task first.")).to_be_visible()
    task.focus()
    console.page.keyboard.press("y")
    expect(console.page.get_by_text("This task has just appeared.")).to_be_visible()
    assert status_of(console, task_id) == "pending_confirmation"
    console.page.clock.resume()
    wait_until_armed(task)
    console.page.keyboard.press("n")
    expect(task.get_by_role("button", name="Undo", exact=True)).to_be_visible()


def test_an_undone_decision_is_never_sent(console: Console) -> None:
    sent: list[str] = []
    console.page.on("request", lambda request: sent.append(request.url) if "/confirm" in request.url else None)
    task_id = propose(console, "Delete the backups")
    console.page.clock.install()
    console.go("queue")
    task = console.page.locator(f'[data-task="{task_id}"]')
    task.get_by_role("button", name="Approve", exact=True).click()
    expect(console.page.get_by_text("Approving: Delete the backups")).to_be_visible()
    console.page.clock.run_for(4_000)
    console.page.keyboard.press("z")
    expect(task.get_by_role("button", name="Approve", exact=True)).to_be_visible()
    task.get_by_role("button", name="Reject", exact=True).click()
    task.get_by_role("button", name="Undo", exact=True).click()
    console.page.clock.run_for(60_000)
    assert (sent, status_of(console, task_id)) == ([], "pending_confirmation")


def test_a_decision_is_sent_when_the_tab_closes(console: Console) -> None:
    task_id = propose(console, "Book the room")
    console.go("queue")
    console.page.locator(f'[data-task="{task_id}"]').get_by_role("button", name="Approve", exact=True).click()
    expect(console.page.get_by_text("Approving: Book the room")).to_be_visible()
    console.page.close()
    other = console.context.new_page()
    console.watch(other)
    console.sign_in(other)
    other.goto(f"{console.system.demo['base_url']}/#/queue")
    expect(other.get_by_role("region", name="Ready", exact=True).locator(f'[data-task="{task_id}"]')).to_be_visible()


def test_what_cannot_be_undone_asks_first(console: Console) -> None:
    task_id = propose(
        console, "Sign the contract", metadata={"proposal": {"tool": "sign", "why": "It is due.", "reversible": False}}
    )
    console.go("queue")
    task = console.page.locator(f'[data-task="{task_id}"]')
    task.get_by_role("button", name="Approve", exact=True).click()
    dialog = console.page.get_by_role("dialog", name="This can't be undone", exact=True)
    dialog.get_by_role("button", name="Cancel", exact=True).click()
    expect(task.get_by_role("button", name="Undo", exact=True)).to_have_count(0)
    task.get_by_role("button", name="Approve", exact=True).click()
    dialog.get_by_role("button", name="Approve", exact=True).click()
    expect(task.get_by_role("button", name="Undo", exact=True)).to_be_visible()


# Returns how far the text of a toast's link is above or below the toast's middle.
_OFF_THE_MIDDLE = """toast => {
  const range = document.createRange();
  range.selectNodeContents(toast.querySelector("a"));
  const middle = ({ top, bottom }) => (top + bottom) / 2;
  return middle(range.getBoundingClientRect()) - middle(toast.getBoundingClientRect());
}"""


def test_badge_is_live_from_the_first_page_and_a_toast_opens_a_proposal(console: Console) -> None:
    waiting = console.call_v2("GET", "/queue?status=pending_confirmation&limit=1")["pagination"]["total"]
    link = console.page.get_by_role("link", name="Queue")
    task_id = propose(console, "Sign the contract")
    expect(link.locator(".badge")).to_contain_text(str(waiting + 1))
    toast = console.page.locator(".toast", has_text="Needs your decision: Sign the contract")
    assert abs(toast.evaluate(_OFF_THE_MIDDLE)) <= 1
    toast.get_by_role("link", name="Open", exact=True).click()
    expect(console.page.locator(f'[data-task="{task_id}"]')).to_be_focused()
    # Another client counts at once, too.
    other = console.context.new_page()
    console.watch(other)
    console.sign_in(other)
    expect(other.get_by_role("link", name="Queue").locator(".badge")).to_contain_text(str(waiting + 1))
    console.call_v2("POST", f"/queue/{task_id}/confirm", {"action": "approve"})
    expect(other.get_by_role("link", name="Queue")).not_to_contain_text(str(waiting + 1))


def test_a_person_edits_a_proposal_discusses_it_and_approves(console: Console) -> None:
    arguments = {"to": "nadia@north.example", "amount": 120, "copy": False, "lines": ["Desk", "Chair"]}
    proposal = {"tool": "send_invoice", "arguments": arguments, "why": "The work is done.", "otherwise": "It is late."}
    task_id = propose(console, "Send the invoice", metadata={"proposal": proposal})
    console.go("queue")
    task = console.page.locator(f'[data-task="{task_id}"]')
    expect(task.get_by_text("send_invoice")).to_be_visible()
    expect(task.get_by_text("It is late.")).to_be_visible()
    console.page.screenshot(path=PICTURES / "queue-proposal.png")
    task.get_by_role("button", name="Review", exact=True).click()
    dialog = console.page.get_by_role("dialog", name="Send the invoice", exact=True)
    dialog.get_by_label("Ask or answer").fill("Is the discount in it?")
    dialog.get_by_role("button", name="Send", exact=True).click()
    expect(dialog.get_by_role("listitem").filter(has_text="Is the discount in it?")).to_be_visible()
    console.call_v2("POST", f"/queue/{task_id}/comments", {"text": "No. Use 99."})
    expect(dialog.get_by_role("listitem").filter(has_text="No. Use 99.")).to_be_visible()
    dialog.get_by_label("lines").fill("[")
    dialog.get_by_role("button", name="Approve", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("lines must be in JSON")
    dialog.get_by_label("lines").fill('["Desk"]')
    dialog.get_by_label("amount").fill("99")
    dialog.get_by_label("copy").check()
    dialog.get_by_label("Reason").fill("As agreed")
    console.page.screenshot(path=PICTURES / "queue-proposal-review.png")
    dialog.get_by_role("button", name="Approve", exact=True).click()
    expect(task.get_by_role("button", name="Undo", exact=True)).to_be_visible()
    expect(console.page.get_by_role("region", name="Ready", exact=True).locator(task)).to_contain_text("As agreed")
    found = console.call_v2("GET", f"/queue/{task_id}")
    assert json.loads(found["metadata"])["proposal"]["arguments"] == {
        **arguments,
        "amount": 99,
        "copy": True,
        "lines": ["Desk"],
    }
    assert sorted(found["decision"]["changed"]) == ["amount", "copy", "lines"]
    assert [each["text"] for each in console.call_v2("GET", f"/queue/{task_id}/approval")["comments"]] == [
        "Is the discount in it?",
        "No. Use 99.",
    ]


def test_a_rejection_says_why(console: Console) -> None:
    task_id = propose(console, "Buy a boat", metadata={"proposal": {"tool": "buy", "why": "It is nice."}})
    console.go("queue")
    task = console.page.locator(f'[data-task="{task_id}"]')
    task.get_by_role("button", name="Review", exact=True).click()
    dialog = console.page.get_by_role("dialog", name="Buy a boat", exact=True)
    dialog.get_by_label("Reason").fill("Too much")
    dialog.get_by_role("button", name="Reject", exact=True).click()
    expect(console.page.get_by_text("Rejected: Buy a boat")).to_be_visible()
    found = console.call_v2("GET", f"/queue/{task_id}/approval")
    assert (found["state"], found["decision"]["reason"]) == ("rejected", "Too much")


def test_a_standing_approval_is_made_in_a_review_and_ended_in_the_account(open_console: Open) -> None:
    console = open_console(viewport={"width": 390, "height": 844}, locale="zh-CN")
    console.page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(console.page.locator(".live-live")).to_be_attached()
    agent = console.call_v2("POST", "/keys", {"name": "Scout", "permissions": ["queue"]})["key"]
    proposal = {"tool": "send_report", "arguments": {"to": "board", "pages": 3}, "why": "It is Friday."}
    body = {"title": "Send the report", "metadata": {"proposal": proposal}}
    made = console.system.call("POST", "/api/v2/queue", body, agent).json["data"]
    console.go("queue")
    task = console.page.locator(f'[data-task="{made["id"]}"]')
    task.get_by_role("button", name="查看", exact=True).click()
    dialog = console.page.get_by_role("dialog", name="Send the report", exact=True)
    dialog.get_by_label("对此智能体和工具不再询问").check()
    dialog.get_by_label("次数").fill("3")
    dialog.get_by_label("仅限完全相同的参数").uncheck()
    dialog.get_by_label("pages 的上限").fill("5")
    console.page.screenshot(path=PICTURES / "queue-standing-phone.png")
    dialog.get_by_role("button", name="批准", exact=True).click()
    expect(console.page.get_by_text("今后此类操作无需询问即获批准。")).to_be_visible(timeout=15_000)
    assert console.system.call("POST", "/api/v2/queue", body, agent).json["data"]["status"] == "ready"
    console.go("you?tab=approvals")
    expect(console.page.get_by_text("还可使用 2 次")).to_be_visible()
    expect(console.page.get_by_text("pages ≤ 5")).to_be_visible()
    console.page.screenshot(path=PICTURES / "account-standing-phone.png")
    console.page.get_by_role("button", name="结束", exact=True).click()
    console.page.get_by_role("dialog").get_by_role("button", name="结束", exact=True).click()
    expect(console.page.get_by_text("智能体每次都会询问。")).to_be_visible()
    assert console.system.call("POST", "/api/v2/queue", body, agent).json["data"]["status"] == "pending_confirmation"
