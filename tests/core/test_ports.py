"""Ports: each one is declared once."""

import ast
from collections import Counter
from pathlib import Path

CODE = Path(__file__).parents[2] / "chalicelib"


def test_no_two_protocols_have_the_same_name() -> None:
    names = Counter(
        node.name
        for path in CODE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and any("Protocol" in ast.unparse(base) for base in node.bases)
    )
    assert names
    assert [name for name, count in names.items() if count > 1] == []
