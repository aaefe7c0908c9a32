"""Record the templates of a release, with which the next one is compared: `python -m infra.release <name>`.

Run it after `make package`, when a release is made. Names sort by time, such as `2026-11-30`.
"""

import json
import re

import click

from infra import package
from infra.template import releases
from infra.template.resolved import PARAMETER_SETS, resolve_all


@click.command()
@click.argument("name")
def main(name: str) -> None:
    """Record the templates in build/ as the release NAME, a date."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}[a-z]?", name):
        raise click.UsageError("Name the release by its date, such as 2026-11-30 or 2026-11-30b.")
    made = releases.record(resolve_all(package.read(package.TEMPLATE), PARAMETER_SETS[0]))
    before, known = releases.last_release()
    if name <= before:
        raise click.ClickException(f"The last release is {before}. Use a later date.")
    if refusals := releases.list_refusals(known, made):
        raise click.ClickException("\n".join([f"AWS refuses an update from the release {before}:", *refusals]))
    path = releases.FOLDER / f"{name}.json"
    path.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    click.echo(f"Recorded {path.name}.")


if __name__ == "__main__":
    main(prog_name="python -m infra.release")
