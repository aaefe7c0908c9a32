"""`dead-letters`: messages that no worker could deal with."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from chalicelib.aws import queue_url, sqs
from chalicelib.domain.errors import NotFound
from chalicelib.domain.fields import timestamp
from chalicelib.resources import Queue
from infra.commands.output import json_option, show, show_list
from infra.queues import DEFINITIONS

Message = dict[str, Any]

_QUEUES = {definition.queue.name: definition.queue for definition in DEFINITIONS}
# Long enough to look at every message of a queue once; then they are given back.
_LOOK_SECONDS = 120
_A_BATCH = 10
_MOST_LISTED = 1000


@click.group("dead-letters")
def dead_letters() -> None:
    """Messages that no worker could deal with.

    Looking at a message counts as receiving it, and hides it from others for a moment.
    """


@dead_letters.command("list", epilog="Example: dead-letters list --queue fan-out --json")
@click.option("--queue", type=click.Choice(sorted(_QUEUES)), help="Of this queue only.")
@click.option(
    "--limit",
    type=click.IntRange(1, _MOST_LISTED),
    default=100,
    show_default=True,
    help="At most so many messages a queue.",
)
@json_option
def list_(queue: str | None, limit: int, *, as_json: bool) -> None:
    """List the dead letters of each queue, and how many there are."""
    queues = []
    for source in _queues(queue):
        with _looking_at(source, limit) as messages:
            queues.append((source, max(_count(source), len(messages)), [_listed(message) for message in messages]))
    if as_json:
        record = {source.name: {"count": count, "messages": messages} for source, count, messages in queues}
        show(record, as_json=True)
        return
    for number, (source, count, messages) in enumerate(queues):
        click.echo(f"{chr(10) if number else ''}{source.name}: {count} dead letter{'' if count == 1 else 's'}")
        if messages:
            show_list(messages, as_json=False, none="")


@dead_letters.command("show", epilog="Example: dead-letters show 5fea7756-0ea4-451a-a703-a558b933e274 --json")
@click.argument("message_id")
@json_option
def show_(message_id: str, *, as_json: bool) -> None:
    """Print one dead letter: its attributes and its body."""
    for source in _QUEUES.values():
        with _looking_at(source, _MOST_LISTED) as messages:
            found = next((message for message in messages if message["MessageId"] == message_id), None)
        if found is not None:
            record = {"queue": source.name, **_listed(found), "attributes": _attributes(found)}
            if as_json:
                show(record | {"body": found["Body"]}, as_json=True)
                return
            show({name: value for name, value in record.items() if name != "attributes"}, as_json=False)
            if record["attributes"]:
                show(record["attributes"], as_json=False)
            click.echo(f"\n{found['Body']}")
            return
    raise NotFound(f"There is no dead letter {message_id}.")


@dead_letters.command(epilog="Example: dead-letters redrive fan-out --all")
@click.argument("queue", type=click.Choice(sorted(_QUEUES)))
@click.argument("message_ids", nargs=-1, metavar="[MESSAGE_ID]...")
@click.option("--all", "everything", is_flag=True, help="Every dead letter of the queue.")
def redrive(queue: str, message_ids: tuple[str, ...], *, everything: bool) -> None:
    """Send dead letters back to the queue they came from.

    Each is sent first and deleted then, so that none is lost; should it come twice, workers take no harm.
    """
    if everything == bool(message_ids):
        raise click.UsageError("Name messages, or say --all.")
    source, wanted = _QUEUES[queue], set(message_ids)
    sent = 0
    while True:
        with _looking_at(source, _MOST_LISTED) as messages:
            chosen = [each for each in messages if everything or each["MessageId"] in wanted]
            for message in chosen:
                _send_back(source, message)
                messages.remove(message)
                wanted.discard(message["MessageId"])
                sent += 1
        if not chosen or not (everything or wanted):
            break
    click.echo(f"Sent {sent} message{'' if sent == 1 else 's'} back to {queue}.")
    if wanted:
        raise NotFound(f"Not found: {', '.join(sorted(wanted))}.")


def _queues(name: str | None) -> Sequence[Queue]:
    return list(_QUEUES.values()) if name is None else [_QUEUES[name]]


def _url(queue: Queue) -> str:
    return queue_url(queue.physical_name)


def _count(source: Queue) -> int:
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    got = sqs().get_queue_attributes(QueueUrl=_url(source.dead_letters), AttributeNames=names)["Attributes"]
    return sum(int(got.get(name, "0")) for name in names)


@contextmanager
def _looking_at(source: Queue, most: int) -> Iterator[list[Message]]:
    """The dead letters, at most so many; those still in the list at the end become visible again."""
    url, messages, expected = _url(source.dead_letters), list[Message](), _count(source)
    known: set[str] = set()
    ends = time.monotonic() + _LOOK_SECONDS / 2
    try:
        while len(messages) < most and time.monotonic() < ends:
            received: Any = sqs().receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(_A_BATCH, most - len(messages)),
                VisibilityTimeout=_LOOK_SECONDS,
                # Waiting asks every server of the queue; there is no need to once all have been seen.
                WaitTimeSeconds=1 if len(messages) < expected else 0,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            fresh = [each for each in received.get("Messages", []) if each["MessageId"] not in known]
            if not fresh:
                break
            known |= {each["MessageId"] for each in fresh}
            messages += fresh
        yield messages
    finally:
        for start in range(0, len(messages), _A_BATCH):
            batch = messages[start : start + _A_BATCH]
            sqs().change_message_visibility_batch(
                QueueUrl=url,
                Entries=[
                    {"Id": str(place), "ReceiptHandle": each["ReceiptHandle"], "VisibilityTimeout": 0}
                    for place, each in enumerate(batch)
                ],
            )


def _send_back(source: Queue, message: Message) -> None:
    attributes: Any = {
        name: {key: value for key, value in attribute.items() if key in ("DataType", "StringValue", "BinaryValue")}
        for name, attribute in message.get("MessageAttributes", {}).items()
    }
    sqs().send_message(
        QueueUrl=_url(source),
        MessageBody=message["Body"],
        MessageAttributes=attributes,
    )
    sqs().delete_message(QueueUrl=_url(source.dead_letters), ReceiptHandle=message["ReceiptHandle"])


def _listed(message: Message) -> dict[str, Any]:
    given = message["Attributes"]
    sent, first = _moment(given["SentTimestamp"]), _moment(given["ApproximateFirstReceiveTimestamp"])
    return {
        "messageId": message["MessageId"],
        # The look itself is not counted.
        "received": int(given["ApproximateReceiveCount"]) - 1,
        "firstReceivedAt": timestamp(first),
        "sentAt": timestamp(sent),
        "age": str(timedelta(seconds=max(0, int((datetime.now(UTC) - sent).total_seconds())))),
    }


def _attributes(message: Message) -> dict[str, str]:
    own = {
        name: str(each.get("StringValue", "(binary)")) for name, each in message.get("MessageAttributes", {}).items()
    }
    return dict(message["Attributes"]) | own


def _moment(milliseconds: str) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
