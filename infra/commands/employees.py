"""`employees`: manage the organisation's people."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import click

from chalicelib import ids
from chalicelib.api.deactivation import new_deactivation
from chalicelib.core.domain.fields import timestamp
from chalicelib.operate.domain.employee_files import write_employee_file
from chalicelib.operate.domain.employees import EmployeeFilter, EmployeeQuery
from chalicelib.operate.services import employees as access
from chalicelib.people.domain.directory import EmployeePatch, Person, PersonIn
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.settings import settings
from chalicelib.tokens.domain.sessions import to_sign_in_link
from chalicelib.tokens.services.sessions import create_sign_in_code
from chalicelib.tokens.stores.sessions import DynamoSessions
from infra.commands import employee_access, personal_data
from infra.commands.output import json_option, print_record, print_records
from infra.host_secret import share_secret


@click.group()
def employees() -> None:
    """Manage the organisation's people."""


@employees.command(epilog="Example: employees create frank@example.com --name 'Frank Moss'")
@click.argument("email")
@click.option("--name", required=True, help="Full name.")
@click.option("--org-admin", is_flag=True, help="Make the employee an administrator of every project.")
@click.option("--operator", is_flag=True, help="Let the employee run the desk.")
@json_option
def create(email: str, name: str, *, org_admin: bool, operator: bool, as_json: bool) -> None:
    """Create an employee."""
    person = PersonIn(email=email, name=name, org_admin=org_admin, operator=operator)
    print_record(
        _to_record(access.register_person(person, user_id=str(uuid4()), people=DynamoDirectory())), as_json=as_json
    )


@employees.command("list", epilog="Example: employees list --search frank --json")
@click.option("--search", help="Only those with this in their name or e-mail address.")
@click.option("--only", type=click.Choice([each.value for each in EmployeeFilter]), help="Only these employees.")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values, as `import` reads them.")
@json_option
def list_(*, search: str | None, only: str | None, as_csv: bool, as_json: bool) -> None:
    """List employees by e-mail address."""
    given = {name: value for name, value in (("search", search), ("only", only)) if value}
    wanted = EmployeeQuery.model_validate(given)
    found = [each for each in DynamoDirectory().list_people() if wanted.matches(each)]
    if as_csv:
        click.echo(write_employee_file(found, heading=True), nl=False)
        return
    print_records([_to_record(each) for each in found], as_json=as_json, none="No employees.")


@employees.command(epilog="Example: employees rename frank@example.com --name 'Frank Mossberg'")
@click.argument("email")
@click.option("--name", required=True, help="Full name.")
def rename(email: str, *, name: str) -> None:
    """Change an employee's name."""
    person = access.person_by_email(email, DynamoDirectory())
    access.change_person(person, EmployeePatch(name=name), people=DynamoDirectory())
    click.echo(f"Renamed {person.email}.")


@employees.command(epilog="Example: employees deactivate frank@example.com")
@click.argument("email")
@json_option
def deactivate(email: str, *, as_json: bool) -> None:
    """Deactivate an employee, with their tokens, keys and sessions.

    Sessions, sign-in links, connections and browser notifications end. Tokens and keys are disabled and can be enabled
    again. The employee receives nothing from now on.
    Tools tokens belong to integrators and keep working; the command lists those that the employee owns.
    """
    person = access.person_by_email(email, DynamoDirectory())
    share_secret()
    ended = new_deactivation().run(person.user_id, now=datetime.now(UTC))
    if as_json:
        print_record(
            {
                "email": email.lower(),
                "personalTokensDisabled": ended.personal_tokens,
                "keysDisabled": ended.keys,
                "sessionsEnded": ended.sessions,
                "signInLinksEnded": ended.sign_in_links,
                "browsersUnsubscribed": ended.browsers,
                "toolsTokensLeft": list(ended.tools_tokens_left),
            },
            as_json=True,
        )
        return
    click.echo(
        f"Deactivated {email.lower()}. Disabled "
        f"{_count(ended.personal_tokens, 'personal token')} and {_count(ended.keys, 'API key')}, "
        f"and ended {_count(ended.sessions, 'session')}."
    )
    for token_id in ended.tools_tokens_left:
        click.echo(f"Tools token {token_id} still works. To disable it: tools-tokens disable {token_id}")


@employees.command(epilog="Example: employees activate frank@example.com")
@click.argument("email")
def activate(email: str) -> None:
    """Activate an employee again.

    Tokens and keys stay disabled. Enable them with `personal-tokens enable` and `keys enable`.
    """
    person = access.person_by_email(email, DynamoDirectory())
    DynamoDirectory().set_active(person.user_id, active=True)
    click.echo(f"Activated {person.email}.")


@employees.command("sign-in-link", epilog="Example: employees sign-in-link frank@example.com")
@click.argument("email")
@json_option
def sign_in_link(email: str, *, as_json: bool) -> None:
    """Create a link that signs an employee in, once and within a day.

    Give it to nobody else. Whoever opens it first has the employee's access.
    """
    base = settings().base_url
    if not base:
        raise click.ClickException("FLUXDEN_BASE_URL is not set, so the desk has no address.")
    person, code = access.person_by_email(email, DynamoDirectory()), ids.mint_sign_in_secret(ids.SignInSecret.CODE)
    ends = create_sign_in_code(person.user_id, code, now=datetime.now(UTC), sessions=DynamoSessions())
    link = to_sign_in_link(base, code.text)
    if as_json:
        print_record({"email": person.email, "link": link, "expiresAt": timestamp(ends)}, as_json=True)
    else:
        click.echo(link)
        click.echo(f"It signs {person.email} in, once, until {timestamp(ends)}.", err=True)


@employees.command(epilog="Example: employees operator frank@example.com --on")
@click.argument("email")
@click.option("--on/--off", "operator", required=True, help="Grant or revoke operator rights.")
def operator(email: str, *, operator: bool) -> None:
    """Grant or revoke operator rights.

    Operators manage integrators, tokens, the catalog, queues and the network in the console and the API, with a key
    that has the permission `all`. The change applies to the next request.
    """
    person = access.person_by_email(email, DynamoDirectory())
    access.change_person(
        person, EmployeePatch(operator=operator), people=DynamoDirectory(), while_operator=person.user_id
    )
    click.echo(f"{person.email} is {'now' if operator else 'no longer'} an operator.")


def _to_record(person: Person) -> dict[str, Any]:
    return {
        "email": person.email,
        "userId": person.user_id,
        "name": person.name,
        "active": person.active,
        "orgAdmin": person.org_admin,
        "operator": person.operator,
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


personal_data.register(employees)
for command in (employee_access.show, employee_access.end_sessions, employee_access.import_):
    employees.add_command(command)
