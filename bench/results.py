"""Store figures: one JSON file for each benchmark, with the machine that it ran on."""

import json
from pathlib import Path
from typing import Any

from bench.machine import describe_machine

FOLDER = Path(__file__).with_name("results")


def save_results(name: str, figures: Any) -> None:
    """Replace the last figures of a benchmark."""
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps({"machine": describe_machine(), "figures": figures}, indent=1)
    (FOLDER / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


def load_results(name: str) -> Any:
    """Return the last figures of a benchmark."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["figures"]
