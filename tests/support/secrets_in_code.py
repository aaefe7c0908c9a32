"""Where the product makes random secrets, and which fields of requests take secrets, read from the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from chalicelib.edge.route import Route

_ROOT = Path(__file__).parents[2]
_MAKERS = re.compile(r"secrets\.(token_|rand|choice)|os\.(urandom|getrandom)|PrivateKey\.generate|SystemRandom")
_NAMES = re.compile(
    r"token|secret|key|code|ticket|challenge|nonce|state|password|proof|signature|credential|cookie|auth|p256"
    r"|^connection$",
    re.IGNORECASE,
)


def find_makers() -> set[str]:
    """Return the functions of the product that draw random bits for more than waits, as `module.function`."""
    return {
        ".".join([*path.relative_to(_ROOT).with_suffix("").parts, *scope])
        for folder in ("chalicelib", "infra/commands")
        for path in sorted((_ROOT / folder).rglob("*.py"))
        for scope, call in _calls(ast.parse(path.read_text(encoding="utf-8")), ())
        if _MAKERS.match(call) or "PrivateKey.generate" in call
    }


def find_cookies() -> set[str]:
    """Return the cookies that the product sets."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((_ROOT / "chalicelib").rglob("*.py"))]
    return {name for text in texts for name in re.findall(r'"(__Host-[a-z-]+)"', text)}


def find_secret_fields(route: Route) -> set[str]:
    """Return the names of the fields that the operation takes and that sound like a secret."""
    found: set[str] = set()
    for part in ("body", "query", "headers"):
        if part in route.annotations:
            found |= set(_fields(route.annotations[part], set()))
    return found


def _calls(node: ast.AST, scope: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for child in ast.iter_child_nodes(node):
        inner = (*scope, child.name) if isinstance(child, ast.FunctionDef | ast.ClassDef) else scope
        if isinstance(child, ast.Call):
            yield inner, ast.unparse(child.func)
        yield from _calls(child, inner)


def _fields(annotation: Any, seen: set[Any]) -> Iterator[str]:
    for each in get_args(annotation):
        yield from _fields(each, seen)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in seen:
        seen.add(annotation)
        for name, field in annotation.model_fields.items():
            shown = field.alias or name
            if _NAMES.search(shown):
                yield shown
            yield from _fields(field.annotation, seen)
