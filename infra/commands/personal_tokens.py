"""`personal-tokens`: manage employees' publishing tokens."""

from typing import Any
from uuid import UUID

import click

from chalicelib.ids import TokenKind
from chalicelib.operate.services.employees import person_by_email
from chalicelib.operate.services.tokens import switch_personal_token
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.tokens.domain.tokens import IssuedToken
from chalicelib.tokens.stores.grants import DynamoGrants
from infra.commands.output import format_time, json_option, print_records


@click.group("personal-tokens")
def personal_tokens() -> None:
    """Manage employees' publishing tokens (flux-in-pers-…)."""


@personal_tokens.command("list", epilog="Example: personal-tokens list --owner alice@example.com")
@click.option("--owner", metavar="EMAIL", help="Only tokens of this employee.")
@json_option
def list_(owner: str | None, *, as_json: bool) -> None:
    """List tokens by employee, newest first. Secrets are not shown."""
    people = DynamoDirectory()
    owners = [person_by_email(owner, people)] if owner is not None else people.list_people()
    found = [
        _to_record(person.email, each) for person in owners for each in DynamoGrants().list_personal(person.user_id)
    ]
    print_records(found, as_json=as_json, none="No personal tokens.")


@personal_tokens.command(epilog="Example: personal-tokens disable 0f0e1e9c-58a4-4d0e-8f53-6f1f8a4bd7c2")
@click.argument("token_id", type=click.UUID)
def disable(token_id: UUID) -> None:
    """Disable a token. You can enable it again."""
    DynamoGrants().set_status(TokenKind.PERSONAL, str(token_id), active=False)
    click.echo(f"Disabled personal token {token_id}.")


@personal_tokens.command(epilog="Example: personal-tokens enable 0f0e1e9c-58a4-4d0e-8f53-6f1f8a4bd7c2")
@click.argument("token_id", type=click.UUID)
def enable(token_id: UUID) -> None:
    """Enable a disabled token. Its employee must be active."""
    switch_personal_token(str(token_id), active=True, grants=DynamoGrants())
    click.echo(f"Enabled personal token {token_id}.")


def _to_record(email: str, token: IssuedToken) -> dict[str, Any]:
    return {
        "tokenId": token.token_id,
        "owner": email,
        "integrator": token.integrator,
        "status": token.status.value,
        "dailyLimit": token.daily_limit,
        "createdAt": token.created_at,
        "lastUsedAt": format_time(token.last_used_at),
        "useCount": token.use_count,
    }
