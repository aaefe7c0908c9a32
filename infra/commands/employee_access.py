"""`employees show`, `end-sessions` and `import`: what gives people access, and many of them at once."""

from datetime import UTC, datetime
from uuid import uuid4

import click

from chalicelib.core.stores.audit_trail import note_no_change
from chalicelib.federation.connections.stores.connection_counts import DynamoConnectionCounts
from chalicelib.operate.domain.employee_import import ImportOut, ImportOutcome
from chalicelib.operate.services.employee_import import EmployeeImport
from chalicelib.operate.services.employee_list import EmployeeReader
from chalicelib.operate.services.employees import person_by_email
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.people.stores.projects import DynamoProjects
from chalicelib.provisioning.stores.group_names import DynamoGroupNames
from chalicelib.tokens.services import sessions
from chalicelib.tokens.stores.grants import DynamoGrants
from chalicelib.tokens.stores.integrations import DynamoIntegrations
from chalicelib.tokens.stores.me import DynamoMe
from chalicelib.tokens.stores.passkeys import DynamoPasskeys
from chalicelib.tokens.stores.sessions import DynamoSessions
from infra.commands.audit_trail import recording_each
from infra.commands.open_sockets import new_closer
from infra.commands.output import json_option, print_record, print_records


@click.command(epilog="Example: employees show frank@example.com --json")
@click.argument("email")
@json_option
def show(email: str, *, as_json: bool) -> None:
    """Show an employee, with their projects, sessions, keys and tokens."""
    person = person_by_email(email, DynamoDirectory())
    reader = EmployeeReader(
        DynamoMe(),
        DynamoProjects(),
        DynamoGroupNames(),
        DynamoGrants(),
        DynamoIntegrations(),
        DynamoSessions(),
        DynamoPasskeys(),
        DynamoConnectionCounts(),
        gather,
    )
    found = reader.read(person.user_id, session_id="", now=datetime.now(UTC)).model_dump(mode="json", by_alias=True)
    if as_json:
        print_record(found, as_json=True)
        return
    found["projects"] = [each["slug"] for each in found["projects"]]
    found["sessions"] = [each["id"] for each in found["sessions"]]
    found["keys"] = [f"{each['name']} ({each['id']})" for each in found["keys"]]
    found["personalTokens"] = [f"{each['integrator']} ({each['id']})" for each in found["personalTokens"]]
    print_record(found, as_json=False)


@click.command("end-sessions", epilog="Example: employees end-sessions frank@example.com")
@click.argument("email")
@click.option("--id", "session_id", metavar="SESSION_ID", help="End only this session.")
def end_sessions(email: str, *, session_id: str | None) -> None:
    """Sign an employee out, in all browsers or in one. Keys keep working."""
    person = person_by_email(email, DynamoDirectory())
    ended = sessions.end_sessions(
        session_id,
        user_id=person.user_id,
        besides=None,
        now=datetime.now(UTC),
        sessions=DynamoSessions(),
        closer=new_closer(),
    )
    click.echo(f"Ended {ended.ended} session{'' if ended.ended == 1 else 's'} of {person.email}.")


@click.command("import", epilog="Example: employees import people.csv --dry-run")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Only report what would be done.")
@json_option
def import_(file: str, *, dry_run: bool, as_json: bool) -> None:
    """Register the employees of a CSV file, and change those who exist.

    The first line names the columns: email, name, and if you like operator (true or false) and projects (slugs,
    separated by spaces). Lines with an error are reported and left out; the command then ends with code 1. Importing a
    file again changes only what was left over. `-` reads standard input.
    """
    try:
        with click.open_file(file, "rb") as opened:
            text = opened.read().decode()
    except OSError as error:
        raise click.ClickException(f"The file can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise click.ClickException("The file is not UTF-8.") from error
    if dry_run:
        note_no_change()
    employees = EmployeeImport(DynamoDirectory(), DynamoDirectory(), lambda: str(uuid4()), gather, recording_each)
    _print_report(employees.run(text, dry_run=dry_run, operator_id=None), as_json=as_json)


def _print_report(report: ImportOut, *, as_json: bool) -> None:
    if as_json:
        print_record(report.model_dump(mode="json", by_alias=True), as_json=True)
    else:
        rows = [
            {"line": each.line, "email": each.email, "outcome": each.outcome.value, "reason": each.reason}
            for each in report.rows
            if each.outcome is not ImportOutcome.EXISTS
        ]
        print_records(rows, as_json=False, none="Nothing to import.")
        click.echo(
            f"{'Would create' if report.dry_run else 'Created'} {report.created}, "
            f"{'update' if report.dry_run else 'updated'} {report.updated}, unchanged {report.exists}, "
            f"errors {report.errors}."
        )
    if report.errors:
        raise SystemExit(1)
