"""Find the function of a name without loading any other."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2] / "chalicelib"
# The folders of entry points, but for those of WebSockets: their connections are held by a process, not by a function.
_FOLDERS = ("api", "queues", "schedules")


class UnknownFunction(Exception):
    """No operation, worker or schedule has this name."""


def find_function(name: str) -> Any:
    """Return the operation, worker or schedule with this name, and load only what it uses.

    Modules are found by their text, because importing the app would load all of them.

    Raises:
        UnknownFunction: there is none.
    """
    if name.isidentifier():
        declared = re.compile(rf"^def {name}\(", re.MULTILINE)
        for path in sorted(path for folder in _FOLDERS for path in (_ROOT / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if declared.search(text) and re.search(r"^bp\b", text, re.MULTILINE):
                module = ".".join(path.relative_to(_ROOT.parent).with_suffix("").parts)
                found = getattr(import_module(module), name)
                if hasattr(found, "grants"):
                    return found
    raise UnknownFunction(f"There is no operation, worker or schedule {name}.")
