"""Write the generated pages of docs/: `python -m infra.docs [--check]`."""

import sys
from pathlib import Path

from infra.docs import (
    alarms,
    architecture,
    commands,
    ingest,
    operations,
    retention,
    retries,
    settings,
    shared_keys,
    store_calls,
)

FOLDER = Path(__file__).parents[2] / "docs"


def documents() -> dict[Path, str]:
    """Return each generated file with its text."""
    from app import app
    from infra import admin, catalog
    from infra.template.entry_points import list_entry_points

    routes = list(catalog.routes(app))
    reference = FOLDER / "reference"
    return {
        reference / "alarms.md": alarms.render(sorted(list_entry_points(app), key=lambda each: each.name)),
        reference / "operations.md": operations.render(routes),
        reference / "store-calls.md": store_calls.render(routes, store_calls.read_counts()),
        reference / "retries.md": retries.render(),
        reference / "retention.md": retention.render(),
        reference / "settings.md": settings.render(),
        reference / "shared-keys.md": shared_keys.render(),
        reference / "commands.md": commands.render(admin.main),
        FOLDER / "ingest.md": ingest.render(),
        FOLDER / "architecture.svg": architecture.render(architecture.read_imports()),
    }


def main() -> None:
    """Write the pages; with --check, fail when a committed page is out of date."""
    for path, text in documents().items():
        if "--check" not in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"docs/{path.relative_to(FOLDER)} is out of date. Run: make docs")


if __name__ == "__main__":
    main()
