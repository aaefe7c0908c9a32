"""Where figures are kept: one file of JSON for each benchmark, with what it was measured on."""

import json
from pathlib import Path
from typing import Any

from bench.machine import told

FOLDER = Path(__file__).with_name("results")


def keep(name: str, figures: Any) -> None:
    """Replace what `name` measured last."""
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps({"machine": told(), "figures": figures}, indent=1)
    (FOLDER / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


def kept(name: str) -> Any:
    """The figures that `name` measured last."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["figures"]
