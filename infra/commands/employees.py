"""`employees`: the people of the organisation."""

import time
from typing import Any
from uuid import uuid4

import click

from chalicelib.operate.services import directory
from chalicelib.people.domain.directory import Person, PersonIn
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.tokens.stores.grants import DynamoGrants
from infra.commands.connections import closer
from infra.commands.output import json_option, show, show_list

# As long as an index may well lag behind its table.
SETTLING_SECONDS = 1.0


@click.group()
def employees() -> None:
    """People of the organisation."""


@employees.command(epilog="Example: employees create frank@example.com --name 'Frank Moss'")
@click.argument("email")
@click.option("--name", required=True, help="The person's name.")
@click.option("--org-admin", is_flag=True, help="Administers every project.")
@json_option
def create(email: str, name: str, *, org_admin: bool, as_json: bool) -> None:
    """Register an employee under an e-mail address."""
    wanted = PersonIn(email=email, name=name, org_admin=org_admin)
    show(_record(directory.register_person(wanted, user_id=str(uuid4()), people=DynamoDirectory())), as_json=as_json)


@employees.command("list", epilog="Example: employees list --json")
@json_option
def list_(*, as_json: bool) -> None:
    """List the employees, by address."""
    found = DynamoDirectory().list_people()
    show_list([_record(each) for each in found], as_json=as_json, none="There are no employees.")


@employees.command(epilog="Example: employees deactivate frank@example.com")
@click.argument("email")
@json_option
def deactivate(email: str, *, as_json: bool) -> None:
    """End an employee's access.

    Nothing reaches them any more, and their personal tokens and API keys are disabled. Tools tokens belong to
    integrators and stay; those the employee answers for are named.
    """
    ended = directory.deactivate_person(
        email,
        people=DynamoDirectory(),
        grants=DynamoGrants(),
        closer=closer(),
        settle=lambda: time.sleep(SETTLING_SECONDS),
    )
    if as_json:
        show(
            {
                "email": email.lower(),
                "personalTokensDisabled": ended.personal_tokens,
                "keysDisabled": ended.keys,
                "toolsTokensLeft": list(ended.tools_tokens_left),
            },
            as_json=True,
        )
        return
    click.echo(
        f"{email.lower()} is deactivated; disabled with it: "
        f"{_counted(ended.personal_tokens, 'personal token')}, {_counted(ended.keys, 'API key')}."
    )
    for token_id in ended.tools_tokens_left:
        click.echo(f"The tools token {token_id} still works; see tools-tokens disable.")


@employees.command(epilog="Example: employees activate frank@example.com")
@click.argument("email")
def activate(email: str) -> None:
    """Make a former employee one again.

    Tokens and keys stay disabled; enable those that are wanted: personal-tokens enable, keys enable.
    """
    person = directory.activate_person(email, people=DynamoDirectory())
    click.echo(f"{person.email} is active.")


@employees.command(epilog="Example: employees operator frank@example.com --on")
@click.argument("email")
@click.option("--on/--off", "operator", required=True, help="Whether they run the desk.")
def operator(email: str, *, operator: bool) -> None:
    """Let an employee run the desk by the console and the API, or no longer.

    They see and change integrators, tokens, the catalog, queues and the network, by their keys with the
    permission `all`, from the next call on.
    """
    person = directory.set_operator(email, operator=operator, people=DynamoDirectory())
    click.echo(f"{person.email} {'runs the desk' if operator else 'does not run the desk'}.")


def _record(person: Person) -> dict[str, Any]:
    return {
        "email": person.email,
        "userId": person.user_id,
        "name": person.name,
        "active": person.active,
        "orgAdmin": person.org_admin,
        "operator": person.operator,
    }


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
