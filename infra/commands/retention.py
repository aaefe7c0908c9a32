"""`retention`: how long data is kept, and the ends of what is stored already."""

import click

from chalicelib import retention as kinds
from chalicelib.operate.stores.ends import KEPT_ROWS, apply_ends
from chalicelib.settings import settings

# Entries of the audit log are never changed.
_NAMES = [each.kind.name for each in KEPT_ROWS]


@click.group("retention")
def retention() -> None:
    """Show how long data is kept, and apply a change to what is stored already.

    The days are settings of the desk. Give this command the same ones as environment variables.
    """


@retention.command(epilog="Example: retention show")
def show() -> None:
    """Show how many days each kind of data is kept, and the setting."""
    for kind in kinds.SETTABLE:
        click.echo(f"{kind.name}\t{_days(kind)}\t{kind.setting}\t{kind.what}, after {kind.since}")


@retention.command(epilog="Example: retention apply --kind deliveries")
@click.option("--kind", "chosen", type=click.Choice(_NAMES), multiple=True, help="Only this kind; may be repeated.")
@click.option("--yes", is_flag=True, help="Don't ask.")
def apply(*, chosen: tuple[str, ...], yes: bool) -> None:
    """Give what is stored its end by the present settings.

    New data has its end from the start. Run this after a change of days, and once on a desk of before data had an
    end. What is past its end is gone at once. Reads the whole tables; it may be stopped and repeated at any time.
    """
    wanted = [each for each in KEPT_ROWS if not chosen or each.kind.name in chosen]
    for rows in wanted:
        click.echo(f"{rows.kind.name}: {_days(rows.kind)}")
    if not yes:
        click.confirm("End what is stored after so long?", abort=True)
    for rows in wanted:
        found = changed = 0
        for is_changed in apply_ends(rows):
            found, changed = found + 1, changed + is_changed
        click.echo(f"{rows.kind.name}: {changed} of {found} have another end now.")


def _days(kind: kinds.Kind) -> str:
    days = settings().kept_days[kind.setting]
    return f"{days} days" if days else "for ever"
