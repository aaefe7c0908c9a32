"""What people do every day, in the engines that are not Chromium's."""

import time
from datetime import UTC, datetime, timedelta

from tests.browser.engines.shown_console import ShownConsole

# Lists what of a person a browser still keeps. The page's own files and its language are nobody's.
_LEFT = """async () => {
  const kept = (await caches.keys()).filter((each) => !/^fluxden-(shell|settings)/.test(each));
  const databases = (await indexedDB.databases()).map(({ name }) => name);
  return [...Object.keys(localStorage), ...Object.keys(sessionStorage), document.cookie, ...kept, ...databases]
    .filter(Boolean);
}"""


def item(delivery_id: str) -> str:
    return f"#item-{delivery_id}"


def task(task_id: str) -> str:
    return f'[data-task="{task_id}"]'


def toast(console: ShownConsole, text: str) -> None:
    console.see(".toast", text=text)


def is_open(console: ShownConsole, delivery_id: str) -> None:
    """Wait until the notification is read in the pane, and shown as read in the list."""
    console.wait("(id) => location.hash.startsWith(`#/inbox/${id}`)", delivery_id)
    console.see(".sheet h2")
    console.miss(f"{item(delivery_id)} .dot")


def propose(console: ShownConsole, title: str, **fields: object) -> str:
    return str(console.call_v2("POST", "/queue", {"title": title, **fields})["id"])


def status_of(console: ShownConsole, task_id: str) -> str:
    return str(console.call_v2("GET", f"/queue/{task_id}")["status"])


def wait_for_status(console: ShownConsole, task_id: str, wanted: str) -> None:
    """Wait until the desk has what the page shows already."""
    deadline = time.monotonic() + 20
    while (found := status_of(console, task_id)) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def show_task(console: ShownConsole, task_id: str) -> None:
    """Scroll to a task, and wait until keys act on it."""
    console.see(task(task_id))
    console.tab.run("(task) => document.querySelector(task).scrollIntoView({ block: 'center' })", task(task_id))
    console.see(f"{task(task_id)}[data-armed]")


def test_a_person_signs_in_and_signing_out_leaves_nothing(console: ShownConsole) -> None:
    console.tab.navigate(console.url)
    console.see("h1", name="Sign in to Fluxden")
    console.click("summary", name="Use an API key")
    console.write("form input[type=password]", console.key)
    console.press("Enter")
    console.see("h1", name="Inbox")
    console.wait("() => document.querySelector('.live-live') !== null")
    console.publish(title="Nobody reads this after signing out")
    console.see(".item-title", text="Nobody reads this after signing out")

    console.click("button", name="Sign out")
    console.see("h1", name="Sign in to Fluxden")
    console.wait(f"async () => (await ({_LEFT})()).length === 0")
    console.tab.navigate(f"{console.url}/#/queue")
    console.see("h1", name="Sign in to Fluxden")


def test_what_arrives_is_read_archived_and_brought_back_by_key(console: ShownConsole) -> None:
    console.sign_in()
    first, second = (console.publish(title=f"By key {number}") for number in range(2))
    console.see(f"{item(first)} .dot")
    console.see(f"{item(second)} .dot")
    console.click(item(second))
    is_open(console, second)
    console.press("j")
    is_open(console, first)
    console.press("e")
    toast(console, "Archived")
    console.miss(item(first))
    console.press("z")
    console.see(item(first))
    console.click(item(second))
    is_open(console, second)
    console.press("r")
    console.see(f"{item(second)} .dot")


def test_what_arrives_is_read_archived_and_brought_back_by_pointer(console: ShownConsole) -> None:
    console.sign_in()
    delivery_id = console.publish(title="By pointer", markdown_body="# Log\n\nIt **failed**.")
    console.click(item(delivery_id))
    is_open(console, delivery_id)
    console.click(".sheet details.body > summary")
    console.see(".sheet .markdown strong", name="failed")
    console.click(".detail-tools button", name="Archive")
    console.miss(item(delivery_id))
    console.click(".toast button", name="Undo")
    console.see(item(delivery_id))


def test_a_notification_is_snoozed_until_a_time_and_for_a_chosen_one(console: ShownConsole) -> None:
    console.sign_in()
    first, second = (console.publish(title=f"Later {number}") for number in range(2))
    console.click(item(first))
    is_open(console, first)
    console.press("s")
    console.click("dialog .choice", text="Tomorrow")
    console.miss(item(first))
    console.click(item(second))
    is_open(console, second)
    console.click(".detail-tools button", name="Snooze")
    console.see("dialog input[name=until]")
    set_until = "(until) => { document.querySelector('dialog input[name=until]').value = until; }"
    console.tab.run(set_until, "2099-01-02T09:00")
    console.click("dialog button", name="Snooze")
    # The browser says so: the desk takes at most a year.
    console.wait("() => document.querySelector('dialog input[name=until]:invalid') !== null")
    until = datetime.now(UTC) + timedelta(days=300)
    console.tab.run(set_until, f"{until:%Y-%m-%dT09:00}")
    console.click("dialog button", name="Snooze")
    console.miss(item(second))
    console.go("inbox?view=snoozed")
    console.see(item(first))
    console.see(item(second), text=str(until.year))


def test_a_search_survives_reading_a_result_and_going_back(console: ShownConsole) -> None:
    console.sign_in()
    found = console.publish(title="The zeppelin has landed")
    other = console.publish(title="Unrelated")
    console.see(item(other))
    console.press("/")
    console.write(".search-input", "zeppelin")
    console.miss(item(other))
    console.click(item(found))
    is_open(console, found)
    console.tab.run("() => history.back()")
    console.wait("() => location.hash.startsWith('#/inbox?')")
    console.see(item(found))
    console.miss(item(other))
    console.wait("() => document.querySelector('.search-input').value === 'zeppelin'")


def test_a_decision_is_held_back_undone_and_sent(console: ShownConsole) -> None:
    console.sign_in()
    console.go("queue")
    task_id = propose(console, "Water the roof garden", priority="urgent")
    show_task(console, task_id)
    console.click(f"{task(task_id)} button", name="Approve")
    # At once: the decision is held back for five seconds only.
    console.press("z")
    console.see(f"{task(task_id)} button", name="Approve")
    assert status_of(console, task_id) == "pending_confirmation"

    show_task(console, task_id)
    console.tab.run("(task) => document.querySelector(task).focus()", task(task_id))
    console.press("y")
    # It is sent once the five seconds are over.
    console.see(f".group-ready {task(task_id)}")
    wait_for_status(console, task_id, "ready")


def test_a_proposal_is_edited_in_its_review_and_approved(console: ShownConsole) -> None:
    console.sign_in()
    proposal = {"tool": "send_invoice", "arguments": {"to": "nadia@north.example"}, "why": "The work is done."}
    task_id = propose(console, "Send the roof's invoice", priority="urgent", metadata={"proposal": proposal})
    console.go("queue")
    console.click(f"{task(task_id)} button", name="Review")
    console.see("dialog", text="The work is done.")
    console.write("dialog textarea[name=comment]", "Is it due?")
    console.click("dialog .discussion button", name="Send")
    console.see("dialog .comments li", text="Is it due?")
    console.write("dialog textarea[name=reason]", "As agreed")
    console.click("dialog button", name="Approve")
    console.miss("dialog")
    console.see(f".group-ready {task(task_id)}", text="As agreed")


def test_a_message_is_sent_and_its_answer_arrives(console: ShownConsole) -> None:
    console.sign_in()
    console.go("chat")
    console.write(".composer textarea", "Is the roof dry?")
    console.press("Enter")
    console.see("[role=log]", text="Is the roof dry?")
    console.call_v2("POST", "/shared-chat/send", {"content": "It is **bone dry**."})
    console.see("[role=log] strong", name="bone dry")


def test_everything_is_found_and_opened_with_the_palette(console: ShownConsole) -> None:
    console.sign_in()
    console.press("Control+k")
    console.write("[role=combobox]", "boar")
    console.see("[role=option]", text="Board")
    console.press("Enter")
    console.see("h1", name="Board")
    console.press("?")
    console.see("dialog", text="Keyboard shortcuts")
    console.press("Escape")
    console.miss("dialog")
