"""The store calls of signing in, as the decision about passkeys prints them."""

import re
from pathlib import Path

_PAGE = Path(__file__).parents[2] / "docs" / "decisions" / "0051-passkeys.md"


def printed_calls(step: str) -> int:
    """Return how many store calls the page says that a step takes."""
    found = re.findall(rf"^\| {re.escape(step)} \| (\d+) \|$", _PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(found) == 1, f"{step!r} is not on the page"
    return int(found[0])
