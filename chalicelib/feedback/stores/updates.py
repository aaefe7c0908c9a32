"""The entries of the updates feed: the Markdown files of `chalicelib/updates`, shipped with every function."""

from functools import cache
from pathlib import Path

from chalicelib.feedback.domain.updates import Update, parse_update

_FOLDER = Path(__file__).parents[2] / "updates"


class PackagedUpdates:
    def list_updates(self) -> list[Update]:
        """List all entries, newest first. No store call."""
        return _read()


@cache
def _read() -> list[Update]:
    found = [parse_update(path.stem, path.read_text(encoding="utf-8")) for path in sorted(_FOLDER.glob("*.md"))]
    return sorted(found, key=lambda update: update.moment, reverse=True)
