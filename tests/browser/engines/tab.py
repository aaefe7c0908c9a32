"""What the tests need of a browser: one tab, that a protocol of the W3C drives."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

# Starts a tab of its own storage, and closes it.
OpenTab = Callable[[], AbstractContextManager["Tab"]]

# Carries out a function with arguments in JSON. Protocols hand over only some values, but every one hands over text.
CALL = "async (given) => JSON.stringify((await (%s)(...JSON.parse(given))) ?? null)"


class NotDone(Exception):
    """The browser did not do what it was told; while a page is replaced, it can't."""


class Tab(Protocol):
    """One tab."""

    def navigate(self, url: str) -> None:
        """Load a page, and wait until it is loaded."""

    def run(self, function: str, *arguments: Any) -> Any:
        """Call a JavaScript function in the page, and return what it returns.

        Raises:
            NotDone: the function threw, or there is no page just now.
        """

    def perform(self, source: dict[str, Any]) -> None:
        """Carry out the actions of one input source, as the WebDriver specification names them."""

    def resize(self, width: int, height: int) -> None:
        """Give the page this width, and about this height, in CSS pixels."""

    def take_screenshot(self, path: Path) -> None:
        """Write a picture of what is shown."""

    def list_errors(self) -> list[str]:
        """List the errors that the page has reported."""
