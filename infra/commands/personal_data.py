"""`employees export`, `erase` and `erasures`: what the desk keeps of a person, and its end."""

import json
import os
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import click

from chalicelib.api.deactivation import new_deactivation
from chalicelib.core.domain.audit import person_subject
from chalicelib.core.domain.errors import Conflict
from chalicelib.core.domain.fields import timestamp
from chalicelib.operate.services import employees as access
from chalicelib.people.domain.directory import Person
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.personal_data.domain.erasures import SETTLING, Erasure, Receipt
from chalicelib.personal_data.domain.exports import SECTIONS, Owner, manifest_of, to_lines
from chalicelib.personal_data.services.erasure import begin_erasure, check_successor, find_running
from chalicelib.personal_data.services.export import iterate_section
from chalicelib.personal_data.stores.erasures import DynamoErasures
from chalicelib.personal_data.stores.exports import DynamoExports
from chalicelib.schedules.erasures import carry_on
from chalicelib.tokens.domain.tokens import IssuedToken
from chalicelib.tokens.stores.grants import DynamoGrants
from infra.commands.audit_trail import about
from infra.commands.output import json_option, print_record, print_records
from infra.host_secret import share_secret

# How long the command works, and waits, between two looks at the desk.
WORKING_SECONDS, WAITING_SECONDS = 60.0, 10.0
_LATER = "A schedule looks at the desk once more from {}, and writes the receipt: employees erasures"


def register(group: click.Group) -> None:
    """Add the commands to the group `employees`."""
    for command in (export, erase, erasures):
        group.add_command(command)


@click.command(epilog="Example: employees export frank@example.com --output frank.zip")
@click.argument("email")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The archive to write. By default it is named after the employee.",
)
def export(email: str, output: Path | None) -> None:
    """Write all that is an employee's to an archive.

    It is a ZIP file with a file of JSON lines for each kind of data, and manifest.json with their counts. It has no
    secrets. Employees can download the same in the console, under Account.
    """
    person = access.person_by_email(email, DynamoDirectory())
    about(person_subject(person.user_id))
    path = output or Path(f"{person.email}.zip")
    counts = _write_archive(path, Owner(person.user_id, person.email), now=datetime.now(UTC))
    click.echo(f"Wrote {sum(counts.values())} records of {person.email} to {path}.")


def _write_archive(path: Path, owner: Owner, *, now: datetime) -> dict[str, int]:
    """Write an archive that nobody else on this machine can read, and count the records of each section."""
    counts: dict[str, int] = {}
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise click.ClickException(f"{path} can't be written: {error.strerror}.") from error
    with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for section in SECTIONS:
            with archive.open(f"{section}.jsonl", "w") as lines:
                counts[section] = 0
                for record in iterate_section(section, owner, exports=DynamoExports()):
                    lines.write(to_lines([record]).encode())
                    counts[section] += 1
        manifest = manifest_of(owner, counts, at=timestamp(now))
        archive.writestr("manifest.json", json.dumps(manifest, indent=2, ensure_ascii=False))
    return counts


@click.command(epilog="Example: employees erase frank@example.com --yes")
@click.argument("email")
@click.option("--successor", metavar="EMAIL", help="Who takes over their tools tokens, and decides on held events.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--wait/--no-wait", default=True, help="Wait for the receipt, or leave the rest to a schedule.")
@json_option
def erase(email: str, successor: str | None, *, yes: bool, wait: bool, as_json: bool) -> None:
    """Erase an employee and all that is theirs, for good.

    The account is closed first. Then everything that belongs to the person is removed, and what others keep names an
    "Erased person" instead. It can't be undone: make an export before. If it is interrupted, run it again, or wait for
    the schedule that finishes it. It ends with a receipt, which names nobody.
    """
    running = find_running(email, erasures=DynamoErasures())
    if running is not None:
        about(person_subject(running.subject.user_id))
    else:
        person = access.person_by_email(email, DynamoDirectory())
        heir = access.active_person_check(successor, DynamoDirectory()) if successor else None
        check_successor(person, heir)
        _require_successor(person, heir)
        if not yes:
            click.confirm(f"Erase {person.name} ({person.email}) and all that is theirs, for good?", abort=True)
        running = _begin(person, heir)
    receipt = _carry_on(running, wait=wait)
    if receipt is not None:
        print_record(receipt.to_record() if as_json else _to_columns(receipt), as_json=as_json)
        return
    later = timestamp(datetime.now(UTC) + SETTLING)
    click.echo(f"What was found of {email.lower()} is erased. {_LATER.format(later)}")


@click.command(epilog="Example: employees erasures --json")
@json_option
def erasures(*, as_json: bool) -> None:
    """List erasures that are running, and the receipts of those that have ended."""
    found = [_to_progress(each) for each in DynamoErasures().list_running()]
    found += [{"state": "ended", **each.to_record()} for each in DynamoErasures().list_receipts()]
    if not as_json:
        found = [each | {"erased": sum(each["erased"].values())} for each in found]
    print_records(found, as_json=as_json, none="No erasures.")


def _begin(person: Person, heir: Person | None) -> Erasure:
    share_secret()
    new_deactivation().run(person.user_id, now=datetime.now(UTC))
    return begin_erasure(
        person,
        erasure_id=str(uuid4()),
        stand_in_id=str(uuid4()),
        successor=heir,
        colleagues=DynamoDirectory().list_people(),
        now=datetime.now(UTC),
        erasures=DynamoErasures(),
    )


def _require_successor(person: Person, heir: Person | None) -> None:
    """Refuse to leave tools tokens without anybody who is responsible for them."""
    if heir is None and (left := [each.token_id for each in DynamoGrants().list_tools() if _is_owner(person, each)]):
        raise Conflict(
            f"{person.email} is responsible for the tools tokens {', '.join(left)}. Name a successor with --successor, "
            "or disable the tokens first."
        )


def _is_owner(person: Person, token: IssuedToken) -> bool:
    return token.user_id == person.user_id and token.status == "active"


def _carry_on(running: Erasure, *, wait: bool) -> Receipt | None:
    while True:
        before = DynamoErasures().find(running.erasure_id)
        if receipt := carry_on(running.erasure_id, seconds=WORKING_SECONDS):
            return receipt
        after = DynamoErasures().find(running.erasure_id)
        if before == after and not wait:
            return None
        if before == after:
            click.echo("Waiting until what had begun before has ended…", err=True)
            time.sleep(WAITING_SECONDS)


def _to_columns(receipt: Receipt) -> dict[str, Any]:
    record = receipt.to_record()
    return {name: value for name, value in record.items() if name != "erased"} | dict(record["erased"])


def _to_progress(erasure: Erasure) -> dict[str, Any]:
    return {
        "state": "running",
        "receiptId": erasure.erasure_id,
        "begunAt": erasure.begun_at,
        "endedAt": None,
        "passes": erasure.passes,
        "erased": dict(erasure.counts),
    }
