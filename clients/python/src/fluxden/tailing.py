"""Live events as lines."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from fluxden.desk import Desk

# What says most about an event, by preference.
_TEXTS = ("title", "itemTitle", "changeType", "outcome", "deliveryId", "cardId", "contactId", "connectionId", "reason")


@dataclass(frozen=True)
class Tail:
    """Prints events of some types, or of all. `state` is the file with the id of the last one."""

    types: frozenset[str]
    as_json: bool
    after: str | None = None
    state: str | None = None

    def follow(self, desk: Desk, count: int | None, on_connect: Callable[[], None] | None) -> Iterator[str]:
        """Return a line for each event, and store its id once the line was handled. Ends after `count` lines."""
        given = 0
        for event in desk.live_events(self._begin(), on_connect=on_connect):
            if not self.types or event["type"] in self.types:
                yield json.dumps(event, ensure_ascii=False) if self.as_json else describe(event)
                given += 1
            self._store(str(event.get("id", "")))
            if count is not None and given >= count:
                return

    def _begin(self) -> str:
        if self.after is not None or self.state is None:
            return self.after or ""
        try:
            return Path(self.state).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise click.BadParameter(f"Can't read {self.state}: {error.strerror}", param_hint="--state") from error

    def _store(self, last_id: str) -> None:
        if self.state is None or not last_id:
            return
        # Written whole or not at all: a process that ends here must not lose its place.
        written = Path(f"{self.state}.new")
        written.write_text(last_id, encoding="utf-8")
        written.replace(self.state)


def describe(event: dict[str, Any]) -> str:
    """Return one line: time, type, and what says most about the event."""
    message = event.get("message")
    text = message.get("content", "") if isinstance(message, dict) else ""
    text = text or next((str(event[name]) for name in _TEXTS if event.get(name)), "")
    # A text of somebody else must not move the cursor of the terminal.
    shown = "".join(each if each.isprintable() else " " for each in text)
    return f"{event.get('timestamp', '')}\t{event['type']}\t{shown}"
