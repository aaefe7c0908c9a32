"""The console in a tab: waits for what shall be seen, and acts on it as a person does."""

import time
from pathlib import Path
from typing import Any

from tests.browser.caller import Caller
from tests.browser.engines.tab import NotDone, Tab
from tests.support.started_desk import StartedDesk

_SECONDS = 20
_KEYS = {"Control": "\ue009", "Enter": "\ue007", "Escape": "\ue00c", "Shift": "\ue008"}

# Lists the visible elements that a selector finds, by their whole accessible name or a part of their text.
_FIND = """
const nameOf = (each) => (each.getAttribute("aria-label") ?? each.innerText ?? "").replace(/\\s+/g, " ").trim();
const find = (selector, { name = null, text = null }) => [...document.querySelectorAll(selector)].filter((each) =>
  each.checkVisibility({ visibilityProperty: true }) &&
  (name === null || nameOf(each) === name) && (text === null || each.innerText.includes(text)));
"""
_COUNT = f"(selector, by) => {{ {_FIND} return find(selector, by).length; }}"
# Returns where to press, once there is one such element that stands still, is enabled, and is covered by nothing.
_POINT = f"""async (selector, by) => {{
  {_FIND}
  const found = find(selector, by);
  if (found.length !== 1) return `${{found.length}} found`;
  const [each] = found;
  const boxOf = () => JSON.stringify(each.getBoundingClientRect());
  const before = boxOf();
  await new Promise((done) => setTimeout(done, 60));
  if (boxOf() !== before) return "moves";
  if (each.disabled) return "disabled";
  const {{ left, top, width, height }} = each.getBoundingClientRect();
  const [x, y] = [Math.floor(left + width / 2), Math.floor(top + height / 2)];
  const hit = document.elementFromPoint(x, y);
  if (hit && (each.contains(hit) || hit.closest("label")?.contains(each))) return [x, y];
  each.scrollIntoView({{ block: "center", inline: "center", behavior: "instant" }});
  return `covered by ${{hit?.outerHTML.slice(0, 80)}}`;
}}"""
_IS_READY = """async (page) => {
  await new Promise((done) => setTimeout(done, 60));
  const isThere = page === null || location.hash === `#/${page}`;
  return isThere && !document.querySelector(".skeleton") && Boolean(document.querySelector("main :is(h1, h2)"));
}"""


class ShownConsole(Caller):
    """A person's console, and API calls with their credentials."""

    def __init__(self, tab: Tab, system: StartedDesk, name: str = "alice") -> None:
        super().__init__(system, name)
        self.tab = tab
        self.url = str(system.demo["base_url"])

    def sign_in(self, heading: str = "Inbox") -> None:
        self.tab.navigate(f"{self.url}/#key={self.key}")
        self.see("h1", name=heading)
        self.wait("() => document.querySelector('.live-live') !== null")

    def go(self, page: str) -> None:
        """Go to a page, and wait until it shows what it has read."""
        self.tab.run("(page) => { location.hash = `#/${page}`; }", page)
        self.wait(_IS_READY, page)

    def wait(self, function: str, *arguments: Any) -> None:
        """Wait until a function is true. While a page is replaced, it is not."""
        self._wait_for(lambda found: found is True, function, *arguments)

    def _wait_for(self, accepts: Any, function: str, *arguments: Any) -> Any:
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                found = self.tab.run(function, *arguments)
            except NotDone as error:
                found = error
            if accepts(found):
                return found
            assert time.monotonic() < deadline, f"{arguments} {function}: {found}"
            time.sleep(0.05)

    def see(self, selector: str, **by: str) -> None:
        """Wait until something is shown."""
        self._wait_for(lambda found: isinstance(found, int) and found > 0, _COUNT, selector, by)

    def miss(self, selector: str, **by: str) -> None:
        """Wait until nothing such is shown."""
        self._wait_for(lambda found: found == 0, _COUNT, selector, by)

    def click(self, selector: str, **by: str) -> None:
        """Press the one element that is meant."""
        x, y = self._wait_for(lambda found: isinstance(found, list), _POINT, selector, by)
        actions = [
            {"type": "pointerMove", "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self.tab.perform({"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions})

    def press(self, keys: str) -> None:
        """Press a key, or several at once: `Control+k`."""
        held = [_KEYS.get(each, each) for each in keys.split("+")]
        down = [{"type": "keyDown", "value": each} for each in held]
        up = [{"type": "keyUp", "value": each} for each in reversed(held)]
        self._press(down + up)

    def write(self, selector: str, text: str) -> None:
        """Write into a field."""
        self.click(selector)
        self._press([{"type": kind, "value": each} for each in text for kind in ("keyDown", "keyUp")])
        self.wait("(selector, text) => document.querySelector(selector).value.includes(text)", selector, text)

    def _press(self, actions: list[dict[str, str]]) -> None:
        self.tab.perform({"type": "key", "id": "keyboard", "actions": actions})

    def choose(self, selector: str, option: str) -> None:
        """Choose an option of a list. What the list looks like is the browser's own, so no key is pressed."""
        self.see(selector)
        self.tab.run(
            """(selector, option) => {
              const list = document.querySelector(selector);
              list.value = [...list.options].find((each) => each.text === option).value;
              list.dispatchEvent(new Event("change", { bubbles: true }));
            }""",
            selector,
            option,
        )

    def take_screenshot(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.tab.take_screenshot(path)
