"""The picture of areas and layers (docs/architecture.svg), drawn from the imports between modules."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

_PACKAGE = Path(__file__).parents[2] / "chalicelib"
_CONTAINER = "federation"
ENTRY_POINTS = ("api.v1", "api.v2", "api.scim", "api.mcp", "api.console", "queues", "schedules", "sockets")
LAYERS = ("domain", "services", "stores", "gateways")
# Each area's row, from the entry points down, and its column. An area imports only areas of rows below its own.
POSITIONS = {
    "personal_data": (0, 1),
    "operate": (0, 0),
    "provisioning": (0, 3),
    "feedback": (0, 2),
    "mentions": (0, 4),
    "federation.network": (1, 3),
    "federation.relays": (2, 1),
    "federation.connections": (3, 2),
    "ingest": (4, 0),
    "tasks": (4, 1),
    "agents": (4, 4),
    "reach": (4, 3),
    "inbox": (5, 1),
    "chat": (5, 2),
    "catalog": (6, 0),
    "live": (6, 2),
    "tokens": (7, 1),
    "board": (8, 3),
    "people": (8, 4),
}
CORE = "core"

_WIDTH, _LEFT, _TOP = 1192, 40, 196
_BOX_WIDTH, _BOX_HEIGHT = 208, 56
_COLUMN, _ROW = 226, 94
_STYLE = """
  svg { --text: #1f2328; --muted: #59636e; --box: #ffffff; --line: #8c959f; --band: #f6f8fa; --edge: #59636e;
        --wrong: #cf222e; font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
  @media (prefers-color-scheme: dark) {
    svg { --text: #f0f6fc; --muted: #9198a1; --box: #151b23; --line: #656c76; --band: #0d1117; --edge: #9198a1;
          --wrong: #f85149; }
  }
  .box { fill: var(--box); stroke: var(--line); }
  .band { fill: var(--band); stroke: var(--line); }
  .name { fill: var(--text); font-size: 15px; font-weight: 600; }
  .note { fill: var(--muted); font-size: 11px; }
  .arrow { fill: none; stroke: var(--edge); stroke-width: 1.4; marker-end: url(#head); }
  .wrong { stroke: var(--wrong); stroke-dasharray: 5 4; }
  .head { fill: var(--edge); }
"""

Imports = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Architecture:
    """The layers that each area has, and the areas that each area imports."""

    layers: Mapping[str, tuple[str, ...]]
    imports: Imports


def read_imports() -> Architecture:
    """Read areas, their layers and the imports between them from chalicelib."""
    layers, imports = dict[str, tuple[str, ...]](), dict[str, frozenset[str]]()
    for name, folder in sorted(_areas()):
        layers[name] = tuple(layer for layer in LAYERS if any((folder / layer).glob("[!_]*.py")))
        imported = (module for file in folder.rglob("*.py") for module in _imported_modules(file))
        imports[name] = frozenset(area for module in imported if (area := _area_of(module)) and area != name)
    return Architecture(layers, imports)


def render(architecture: Architecture) -> str:
    """Return the picture as SVG text.

    Raises:
        ValueError: An area has no place in the picture, or a place has no area.
    """
    if unplaced := architecture.layers.keys() ^ {CORE, *POSITIONS}:
        raise ValueError(f"POSITIONS in infra/docs/architecture.py and chalicelib differ in {', '.join(unplaced)}")
    height = _TOP + 9 * _ROW + 100
    label = "The areas of Fluxden and the imports between them"
    marker = 'id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}">',
        f"<style>{_STYLE}</style>",
        f'<defs><marker {marker}><path class="head" d="M0 0 8 4 0 8z"/></marker></defs>',
        *_bands(architecture, height),
        *_arrows(architecture.imports),
        *(_box(name, architecture.layers[name]) for name in POSITIONS),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def reduce_imports(imports: Imports) -> Imports:
    """Leave out each import that a longer path of imports implies, so that the picture stays readable."""
    return {
        name: frozenset(
            target
            for target in targets
            if not any(target in _reachable(imports, other) for other in targets - {target})
        )
        for name, targets in imports.items()
    }


def _reachable(imports: Imports, start: str) -> set[str]:
    found, left = set[str](), [start]
    while left:
        for target in imports.get(left.pop(), frozenset()) - found:
            found.add(target)
            left.append(target)
    return found


def _bands(architecture: Architecture, height: int) -> Iterator[str]:
    inner = _WIDTH - 2 * _LEFT
    yield _rectangle(_LEFT, 16, inner, 64, "band")
    yield _text(_LEFT + 16, 40, "Entry points", "name")
    yield _text(_LEFT + 16, 62, "one function for each operation, queue, schedule and WebSocket route", "note")
    for number, name in enumerate(ENTRY_POINTS):
        x = 470 + number * 92
        yield _rectangle(x, 32, 84, 32, "box")
        yield _text(x + 42, 52, name, "note", middle=True)
    yield _rectangle(_LEFT, 92, inner, 44, "band")
    yield _text(_LEFT + 16, 119, "edge", "name")
    yield _text(
        _LEFT + 70, 119, "routes, authentication, limits, idempotency, errors: all the framework there is", "note"
    )
    yield _line(_WIDTH // 2, 136, _WIDTH // 2, _TOP - 8)
    yield _text(
        _WIDTH // 2 + 14, 164, "Entry points import the areas. An arrow from one area to another is an import;", "note"
    )
    yield _text(_WIDTH // 2 + 14, 180, "an import that a longer path implies is left out.", "note")
    yield _rectangle(_LEFT, height - 76, inner, 52, "band")
    yield _text(_LEFT + 16, height - 45, CORE, "name")
    yield _text(_LEFT + 70, height - 45, f"{_describe(architecture.layers[CORE])}: imported by every area", "note")


def _arrows(imports: Imports) -> Iterator[str]:
    between = {name: targets & POSITIONS.keys() for name, targets in imports.items() if name in POSITIONS}
    downward = {name: frozenset(each for each in targets if _is_below(each, name)) for name, targets in between.items()}
    for name, targets in reduce_imports(downward).items():
        for target in sorted(targets):
            yield _curve(name, target, "arrow")
    for name, targets in between.items():
        for target in sorted(targets - downward[name]):
            yield _curve(name, target, "arrow wrong")


def _is_below(name: str, other: str) -> bool:
    return POSITIONS[name][0] > POSITIONS[other][0]


def _curve(start: str, end: str, kind: str) -> str:
    (left1, top1), (left2, y2) = _corner(start), _corner(end)
    x1, y1, x2 = left1 + _BOX_WIDTH // 2, top1 + _BOX_HEIGHT, left2 + _BOX_WIDTH // 2
    # Arrows from different directions end beside each other.
    x1, x2 = x1 + _lean(x2 - x1), x2 - _lean(x2 - x1)
    bend = max(30, abs(y2 - y1) / 2)
    return f'<path class="{kind}" d="M{x1:g} {y1:g}C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2 - 2:g}"/>'


def _lean(distance: float) -> int:
    return 0 if not distance else 36 if distance > 0 else -36


def _box(name: str, layers: Iterable[str]) -> str:
    x, y = _corner(name)
    middle = x + _BOX_WIDTH // 2
    return (
        _rectangle(x, y, _BOX_WIDTH, _BOX_HEIGHT, "box")
        + _text(middle, y + 24, name, "name", middle=True)
        + _text(middle, y + 43, _describe(layers), "note", middle=True)
    )


def _describe(layers: Iterable[str]) -> str:
    return " · ".join(layers)


def _corner(name: str) -> tuple[int, int]:
    row, column = POSITIONS[name]
    return _LEFT + column * _COLUMN, _TOP + row * _ROW


def _rectangle(x: int, y: int, width: int, height: int, kind: str) -> str:
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>'


def _text(x: int, y: int, text: str, kind: str, *, middle: bool = False) -> str:
    anchor = ' text-anchor="middle"' if middle else ""
    return f'<text class="{kind}" x="{x}" y="{y}"{anchor}>{escape(text)}</text>'


def _line(x1: int, y1: int, x2: int, y2: int) -> str:
    return f'<path class="arrow" d="M{x1} {y1}L{x2} {y2}"/>'


def _areas() -> Iterator[tuple[str, Path]]:
    for folder in _PACKAGE.iterdir():
        if folder.name == _CONTAINER:
            yield from ((f"{_CONTAINER}.{each.name}", each) for each in folder.iterdir() if _is_area(each))
        elif _is_area(folder):
            yield folder.name, folder


def _is_area(folder: Path) -> bool:
    return any((folder / layer).is_dir() for layer in LAYERS)


def _area_of(module: str) -> str | None:
    """Return the area of a module such as `chalicelib.inbox.domain.inbox`."""
    _, *parts = module.split(".")
    name = ".".join(parts[: 2 if parts[:1] == [_CONTAINER] else 1])
    return name if name in POSITIONS or name == CORE else None


def _imported_modules(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith("chalicelib."))
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("chalicelib."):
            # `from chalicelib.federation import relays` names an area in what is imported.
            yield from (f"{node.module}.{each.name}" for each in node.names)
