"""`tables`: restore the desk's tables to an earlier second, compare them with the present ones, and put rows back."""

from datetime import UTC, datetime

import click
from botocore.exceptions import ClientError

from infra import restored_tables
from infra.commands.output import json_option, print_records
from infra.restored_tables import Pair
from infra.tables import DEFINITIONS

_NAMES = [each.table.name for each in DEFINITIONS]
_prefix = click.option("--prefix", required=True, help="Prefix of the restored tables.")
_tables = click.option("--table", "names", multiple=True, type=click.Choice(_NAMES), help="Only this; may be repeated.")
_partition = click.option("--pk", "partition", help="Only the rows with this partition key.")
_SECONDS = ("%Y-%m-%dT%H:%M:%SZ",)


@click.group("tables")
def tables() -> None:
    """Restore tables to an earlier second beside the present ones, and put rows back from them."""


@tables.command(epilog="Example: tables restore --at 2026-11-21T09:00:00Z --prefix fluxden-restored")
@click.option("--at", required=True, type=click.DateTime(_SECONDS), help="The second, in UTC.")
@_prefix
@_tables
def restore(at: datetime, prefix: str, names: tuple[str, ...]) -> None:
    """Restore tables to a second of the last 35 days, under another prefix.

    The desk goes on with its present tables. It takes some minutes to hours, and can be stopped and repeated: tables
    that exist under the prefix are not restored again.
    """
    found = _pairs(prefix, names)
    try:
        for pair in found:
            begun = restored_tables.begin_restore(pair, at.replace(tzinfo=UTC))
            click.echo(f"{pair.restored}: {'is being restored' if begun else 'exists already'}")
    except ClientError as error:
        if restored_tables.is_unknown(error):
            raise click.ClickException("This engine can't restore to a point in time. Use its own backups.") from error
        raise
    for pair in found:
        restored_tables.finish_restore(pair)
    click.echo(f"Restored {len(found)} table{'' if len(found) == 1 else 's'}.")


@tables.command(epilog="Example: tables compare --prefix fluxden-restored --table board")
@_prefix
@_tables
@_partition
@json_option
def compare(prefix: str, names: tuple[str, ...], partition: str | None, *, as_json: bool) -> None:
    """Count the rows that are missing, changed or added since then.

    Reads both tables whole, or one partition of them.
    """
    records = []
    for pair in _pairs(prefix, names):
        found = restored_tables.compare(pair, partition)
        records.append(
            {
                "table": pair.name,
                "rowsThen": found.rows,
                "missing": len(found.missing),
                "changed": len(found.changed),
                "added": len(found.added),
            }
        )
    print_records(records, as_json=as_json, none="There are no tables.")


@tables.command("put-back", epilog="Example: tables put-back --prefix fluxden-restored --table board --pk USER#1")
@_prefix
@_tables
@_partition
@click.option("--changed", is_flag=True, help="Also rows that are there, but differ.")
@click.option("--added", is_flag=True, help="Also delete rows that were not there then.")
@click.option("--yes", is_flag=True, help="Don't ask.")
def put_back(
    prefix: str, names: tuple[str, ...], partition: str | None, *, changed: bool, added: bool, yes: bool
) -> None:
    """Write rows that are missing into the present tables, as they were then.

    With --changed and --added the tables are as they were, and what was written since is lost. Counts of lists are
    rows too: put back all rows of a partition together. Stop what writes to these rows meanwhile. Can be repeated.
    """
    for pair in _pairs(prefix, names):
        found = restored_tables.compare(pair, partition)
        back = [*found.missing, *(found.changed if changed else [])]
        gone = found.added if added else []
        if not back and not gone:
            continue
        if not yes:
            click.confirm(f"{pair.name}: write {len(back)} rows, and delete {len(gone)}?", abort=True)
        written, deleted = restored_tables.put_back(pair, back), restored_tables.delete_added(pair, gone)
        click.echo(f"{pair.name}: wrote {written} row{'' if written == 1 else 's'}, deleted {deleted}.")
    click.echo("Done.")


@tables.command(epilog="Example: tables drop --prefix fluxden-restored")
@_prefix
@_tables
@click.option("--yes", is_flag=True, help="Don't ask.")
def drop(prefix: str, names: tuple[str, ...], *, yes: bool) -> None:
    """Delete restored tables. The desk's own tables are refused."""
    found = _pairs(prefix, names)
    if not yes:
        click.confirm(f"Delete the tables {prefix}-…?", abort=True)
    deleted = sum(map(restored_tables.delete_restored, found))
    click.echo(f"Deleted {deleted} table{'' if deleted == 1 else 's'}.")


def _pairs(prefix: str, names: tuple[str, ...]) -> list[Pair]:
    try:
        return restored_tables.pairs(prefix, names)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
