"""`dead-letters`: inspect and redrive messages that workers failed to process."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.operate.domain.dead_letters import DeadLetter
from chalicelib.operate.gateways.dead_letters import SqsDeadLetters
from chalicelib.resources import QUEUES, Queue
from infra.commands.output import json_option, print_record, print_records

_QUEUES = {queue.name: queue for queue in QUEUES}
_MOST_LISTED = 1000


@click.group("dead-letters")
def dead_letters() -> None:
    """Inspect and redrive messages that workers failed to process.

    Viewing a message counts as receiving it, and hides it from other viewers for a moment.
    """


@dead_letters.command("list", epilog="Example: dead-letters list --queue fan-out --json")
@click.option("--queue", type=click.Choice(sorted(_QUEUES)), help="Only this queue.")
@click.option(
    "--limit",
    type=click.IntRange(1, _MOST_LISTED),
    default=100,
    show_default=True,
    help="Maximum number of messages per queue.",
)
@json_option
def list_(queue: str | None, limit: int, *, as_json: bool) -> None:
    """List and count the dead letters of each queue."""
    queues = []
    for source in _queues(queue):
        messages = [_to_record(each) for each in SqsDeadLetters().list_letters(source, most=limit)]
        queues.append((source, max(SqsDeadLetters().count(source), len(messages)), messages))
    if as_json:
        record = {source.name: {"count": count, "messages": messages} for source, count, messages in queues}
        print_record(record, as_json=True)
        return
    for number, (source, count, messages) in enumerate(queues):
        click.echo(f"{chr(10) if number else ''}{source.name}: {count} dead letter{'' if count == 1 else 's'}")
        if messages:
            print_records(messages, as_json=False, none="")


@dead_letters.command("show", epilog="Example: dead-letters show 5fea7756-0ea4-451a-a703-a558b933e274 --json")
@click.argument("message_id")
@json_option
def show_(message_id: str, *, as_json: bool) -> None:
    """Show the attributes and the body of a dead letter."""
    for source in _QUEUES.values():
        letters = SqsDeadLetters().list_letters(source, most=_MOST_LISTED)
        found = next((each for each in letters if each.message_id == message_id), None)
        if found is not None:
            record = {"queue": source.name, **_to_record(found), "attributes": found.attributes}
            if as_json:
                print_record(record | {"body": found.body}, as_json=True)
                return
            print_record({name: value for name, value in record.items() if name != "attributes"}, as_json=False)
            if record["attributes"]:
                print_record(record["attributes"], as_json=False)
            click.echo(f"\n{found.body}")
            return
    raise NotFound(f"Dead letter {message_id} not found.")


@dead_letters.command(epilog="Example: dead-letters redrive fan-out --all")
@click.argument("queue", type=click.Choice(sorted(_QUEUES)))
@click.argument("message_ids", nargs=-1, metavar="[MESSAGE_ID]...")
@click.option("--all", "everything", is_flag=True, help="Redrive every dead letter of the queue.")
def redrive(queue: str, message_ids: tuple[str, ...], *, everything: bool) -> None:
    """Send dead letters back to the queue they came from.

    Each message is sent before its dead letter is deleted, so none is lost. Workers can safely process a message twice.
    """
    if everything == bool(message_ids):
        raise click.UsageError("Pass message ids, or --all.")
    wanted = set(message_ids) or None
    sent = set[str]()
    # One round moves a limited number of messages.
    while more := SqsDeadLetters().redrive(_QUEUES[queue], wanted - sent if wanted else None, most=_MOST_LISTED):
        sent |= more
        if wanted == sent:
            break
    click.echo(f"Sent {len(sent)} message{'' if len(sent) == 1 else 's'} back to {queue}.")
    if missing := (wanted or set()) - sent:
        raise NotFound(f"Not found: {', '.join(sorted(missing))}.")


def _queues(name: str | None) -> Sequence[Queue]:
    return list(_QUEUES.values()) if name is None else [_QUEUES[name]]


def _to_record(letter: DeadLetter) -> dict[str, Any]:
    age = datetime.now(UTC) - parse_timestamp(letter.sent_at)
    return {
        "messageId": letter.message_id,
        "received": letter.received,
        "firstReceivedAt": letter.first_received_at,
        "sentAt": letter.sent_at,
        "age": str(timedelta(seconds=max(0, int(age.total_seconds())))),
    }
