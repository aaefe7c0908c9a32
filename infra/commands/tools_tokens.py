"""`tools-tokens`: manage integrators' tokens."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import click

from chalicelib.ids import TokenKind, mint_token
from chalicelib.operate.services.tokens import issue_tools_token
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.tokens.domain.tokens import IssuedToken
from chalicelib.tokens.stores.grants import DynamoGrants
from chalicelib.tokens.stores.tokens import DynamoTokens
from infra.commands.output import format_time, json_option, print_record, print_records


@click.group("tools-tokens")
def tools_tokens() -> None:
    """Manage integrators' tokens (flux-tools-…)."""


@tools_tokens.command(epilog="Example: tools-tokens create --integrator ci --owner alice@example.com")
@click.option("--integrator", required=True, metavar="SLUG", help="Integrator of the token.")
@click.option("--owner", required=True, metavar="EMAIL", help="Employee who is responsible for the token.")
@click.option("--admin", is_flag=True, help="Allow administration: list integrators, manage the catalog.")
@json_option
def create(integrator: str, owner: str, *, admin: bool, as_json: bool) -> None:
    """Create a token. The token is only shown once."""
    token = mint_token(TokenKind.TOOLS, str(uuid4()))
    grant = issue_tools_token(
        token,
        integrator=integrator,
        owner=owner,
        admin=admin,
        now=datetime.now(UTC),
        integrators=DynamoDirectory(),
        people=DynamoDirectory(),
        tokens=DynamoTokens(),
    )
    print_record(
        {"tokenId": grant.token_id, "integrator": grant.integrator, "admin": grant.admin, "token": token.text},
        as_json=as_json,
    )


@tools_tokens.command("list", epilog="Example: tools-tokens list --integrator ci --json")
@click.option("--integrator", metavar="SLUG", help="Only tokens of this integrator.")
@json_option
def list_(integrator: str | None, *, as_json: bool) -> None:
    """List tokens, newest first. Secrets are not shown."""
    found = [each for each in DynamoGrants().list_tools() if integrator in (None, each.integrator)]
    print_records(_to_records(found), as_json=as_json, none="No tools tokens.")


@tools_tokens.command(epilog="Example: tools-tokens rotate 6f9c2c1e-6a41-4b0f-9d0c-0d3a3f0c7a55")
@click.argument("token_id", type=click.UUID)
@click.option("--at-once", is_flag=True, help="Stop accepting the previous secret now, for example after a leak.")
@json_option
def rotate(token_id: UUID, *, at_once: bool, as_json: bool) -> None:
    """Replace a token's secret. The new secret is only shown once.

    The previous secret works for another 24 hours. Older secrets stop working.
    """
    token = mint_token(TokenKind.TOOLS, str(token_id))
    now = datetime.now(UTC)
    until = DynamoTokens().rotate(token, now=now, at_once=at_once)
    record = {"tokenId": token.row_id, "priorUntil": format_time(until), "token": token.text}
    print_record(record, as_json=as_json)


@tools_tokens.command(epilog="Example: tools-tokens disable 6f9c2c1e-6a41-4b0f-9d0c-0d3a3f0c7a55")
@click.argument("token_id", type=click.UUID)
def disable(token_id: UUID) -> None:
    """Disable a token. You can enable it again."""
    DynamoGrants().set_status(TokenKind.TOOLS, str(token_id), active=False)
    click.echo(f"Disabled tools token {token_id}.")


@tools_tokens.command(epilog="Example: tools-tokens enable 6f9c2c1e-6a41-4b0f-9d0c-0d3a3f0c7a55")
@click.argument("token_id", type=click.UUID)
def enable(token_id: UUID) -> None:
    """Enable a disabled token."""
    DynamoGrants().set_status(TokenKind.TOOLS, str(token_id), active=True)
    click.echo(f"Enabled tools token {token_id}.")


def _to_records(found: list[IssuedToken]) -> list[dict[str, Any]]:
    people, now = DynamoDirectory().find_people(each.user_id for each in found), datetime.now(UTC)
    return [
        {
            "tokenId": each.token_id,
            "integrator": each.integrator,
            "owner": people[each.user_id].email if each.user_id in people else each.user_id,
            "admin": each.admin,
            "status": each.status.value,
            "createdAt": each.created_at,
            "lastUsedAt": format_time(each.last_used_at),
            "useCount": each.use_count,
            "priorUntil": format_time(each.prior_until) if each.prior_until and each.prior_until > now else None,
        }
        for each in found
    ]
