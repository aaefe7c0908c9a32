"""The command `fluxden`, for shells and continuous integration."""

import functools
import json
import sys
from collections.abc import Callable
from typing import Any

import click

from fluxden import publishing, waiting
from fluxden.desk import Desk
from fluxden.errors import (
    ApiError,
    ConnectionFailedError,
    FluxdenError,
    ForbiddenError,
    RateLimitedError,
    SettingsError,
    UnauthorizedError,
    UnavailableError,
)
from fluxden.exit_codes import ExitCode
from fluxden.tailing import Tail
from fluxden.version import VERSION

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_quiet = click.option("--quiet", is_flag=True, help="Don't report progress on stderr.")


def _with_desk(command: Callable[..., ExitCode]) -> Callable[..., None]:
    """Give the desk of the environment to a command, and end with its exit code, or with that of what went wrong."""

    @functools.wraps(command)
    def run(**options: Any) -> None:
        try:
            with Desk.from_environment() as desk:
                code = command(desk, **options)
        except FluxdenError as error:
            click.echo(f"fluxden: {_describe(error)}", err=True)
            code = exit_code_of(error)
        sys.exit(code)

    return run


def exit_code_of(error: FluxdenError) -> ExitCode:
    """Return the exit code for what went wrong."""
    if isinstance(error, SettingsError):
        return ExitCode.USAGE
    if isinstance(error, UnauthorizedError | ForbiddenError):
        return ExitCode.NOT_PERMITTED
    if isinstance(error, ConnectionFailedError | RateLimitedError | UnavailableError):
        return ExitCode.UNREACHABLE
    return ExitCode.REFUSED


def _describe(error: FluxdenError) -> str:
    if not isinstance(error, ApiError):
        return str(error)
    fields = "".join(f"\n  {name}: {', '.join(reasons)}" for name, reasons in error.fields.items())
    request = f"\n  request {error.request_id}" if error.request_id else ""
    return f"{error}{fields}{request}"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION)
def main() -> None:
    """Publish to a desk, ask people for approval, and follow what happens.

    FLUXDEN_URL is the address of the desk. FLUXDEN_TOKEN is a token of it, or FLUXDEN_TOKEN_FILE a file with one.
    A token is never an option, which other users of the machine could read.
    """


@main.command()
@click.option("--title", required=True, help="The title, up to 200 characters.")
@click.option("--to", "recipients", multiple=True, metavar="WHOM", help="ann@example.com, user:ID or project:SLUG.")
@click.option("--type", "event_type", envvar="FLUXDEN_EVENT_TYPE", required=True, help="Such as ci.build.failed.")
@click.option("--severity", type=click.Choice(publishing.SEVERITIES), default="info", show_default=True)
@click.option("--id", "event_id", help="Your id of the event. The same id again repeats the event.")
@click.option("--summary", help="One or two sentences.")
@click.option("--body", help="Markdown; @FILE reads a file, and - standard input.")
@click.option("--url", "external_url", help="A link to the matter. HTTPS.")
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE")
@_as_json
@_with_desk
def publish(desk: Desk, *, as_json: bool, recipients: tuple[str, ...], **given: Any) -> ExitCode:
    """Publish an event.

    With a tools token it goes to each --to. With a personal token it goes to the token's owner, without --to.
    """
    event = publishing.new_event(given)
    if not recipients:
        delivery = desk.v1.publish_event(event)
        _print(delivery, as_json=as_json, text=delivery["deliveryId"])
        return ExitCode.DONE
    reply = desk.v1.publish_bulk(publishing.bulk_request(event, recipients))
    lines = publishing.describe_rows(reply["results"])
    _print(reply, as_json=as_json, text="\n".join(lines))
    return ExitCode.PARTLY if any("error" in each for each in reply["results"]) else ExitCode.DONE


@main.command()
@click.option("--title", required=True, help="What should be decided, up to 500 characters.")
@click.option("--why", required=True, help="Why it should be done.")
@click.option("--tool", required=True, help="What will be called then, such as deploy.")
@click.option("--argument", "arguments", multiple=True, metavar="NAME=VALUE", help="The person can edit it.")
@click.option("--otherwise", help="What happens without approval.")
@click.option("--expires-in", type=waiting.duration, help="Until when it can be approved: 30m, 4h.")
@click.option("--irreversible", is_flag=True, help="It can't be undone, so the person is asked twice.")
@click.option("--priority", type=click.Choice(["urgent", "high", "medium", "low"]), default="medium", show_default=True)
@_as_json
@_with_desk
def ask(desk: Desk, *, as_json: bool, **given: Any) -> ExitCode:
    """Propose something to the owner of an API key, and print the id to wait for."""
    task = desk.v2.add_queue_item(waiting.new_task(given))["data"]
    _print(task, as_json=as_json, text=task["id"])
    return ExitCode.DONE


@main.command()
@click.argument("task_id")
@click.option(
    "--for", "wanted", type=click.Choice(["approved", "rejected", "decision"]), default="decision", show_default=True
)
@click.option("--timeout", type=waiting.duration, help="Give up after so long: 90s, 30m, 2h.")
@_as_json
@_quiet
@_with_desk
def wait(desk: Desk, *, task_id: str, wanted: str, timeout: float | None, as_json: bool, quiet: bool) -> ExitCode:
    """Wait until the owner of an API key has decided about a task."""
    progress = waiting.Progress(task_id, is_shown=not quiet)
    try:
        decision = desk.wait_for_decision(task_id, timeout=timeout, on_wait=progress.show)
    finally:
        progress.end()
    reason = f": {decision.reason}" if decision.reason else ""
    _print(decision.approval, as_json=as_json, text=f"{decision.state}{reason}")
    return waiting.exit_code_of(decision.state, wanted)


@main.command()
@click.option("--type", "types", multiple=True, help="Only events of this type, such as delivery.")
@click.option("--after", help="Begin after the event with this id; 0 is everything that is kept.")
@click.option("--state", type=click.Path(dir_okay=False), help="A file for the last id, to go on from next time.")
@click.option("--count", type=click.IntRange(1), help="End after so many events.")
@_as_json
@_quiet
@_with_desk
def tail(
    desk: Desk, *, types: tuple[str, ...], count: int | None, as_json: bool, quiet: bool, **given: Any
) -> ExitCode:
    """Print the live events of the owner of an API key as they come. JSON has one event on each line."""
    tail = Tail(frozenset(types), as_json=as_json, **given)
    for line in tail.follow(desk, count, on_connect=None if quiet else lambda: click.echo("Connected.", err=True)):
        click.echo(line)
    return ExitCode.DONE


def _print(found: Any, *, as_json: bool, text: str) -> None:
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else text)
