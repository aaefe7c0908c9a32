"""`scim-tokens`: manage the tokens of directories that provision people and groups."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import click

from chalicelib.core.domain.callers import TokenStatus
from chalicelib.ids import TokenKind, mint_token
from chalicelib.settings import settings
from chalicelib.tokens.domain.scim_tokens import IssuedScimToken
from chalicelib.tokens.stores.scim_tokens import DynamoScimTokens
from chalicelib.tokens.stores.tokens import DynamoTokens
from infra.commands.output import format_time, json_option, print_record, print_records

_LONGEST_NAME = 100


@click.group("scim-tokens")
def scim_tokens() -> None:
    """Manage the tokens of directories (flux-scim-…), which provision people and groups by SCIM."""


@scim_tokens.command(epilog="Example: scim-tokens create --name Entra")
@click.option("--name", required=True, help="Name that tells the directory apart from others.")
@json_option
def create(name: str, *, as_json: bool) -> None:
    """Create a token. The token is only shown once.

    Enter it in the directory as its secret or API token, with the tenant URL that is printed.
    """
    if not 1 <= len(name.strip()) <= _LONGEST_NAME or not name.isprintable():
        raise click.ClickException(f"The name must be one line of 1 to {_LONGEST_NAME} characters.")
    token = mint_token(TokenKind.SCIM, str(uuid4()))
    DynamoScimTokens().add(token, name.strip(), now=datetime.now(UTC))
    record = {"tokenId": token.row_id, "name": name.strip(), "url": f"{settings().base_url}/scim/v2"}
    print_record(record | {"token": token.text}, as_json=as_json)


@scim_tokens.command("list", epilog="Example: scim-tokens list --json")
@json_option
def list_(*, as_json: bool) -> None:
    """List tokens, newest first. Secrets are not shown."""
    print_records([_to_record(each) for each in DynamoScimTokens().list_all()], as_json=as_json, none="No SCIM tokens.")


@scim_tokens.command(epilog="Example: scim-tokens rotate 6f9c2c1e-6a41-4b0f-9d0c-0d3a3f0c7a55")
@click.argument("token_id", type=click.UUID)
@click.option("--at-once", is_flag=True, help="Stop accepting the previous secret now, for example after a leak.")
@json_option
def rotate(token_id: UUID, *, at_once: bool, as_json: bool) -> None:
    """Replace a token's secret. The new secret is only shown once.

    The previous secret works for another 24 hours. Older secrets stop working.
    """
    token = mint_token(TokenKind.SCIM, str(token_id))
    until = DynamoTokens().rotate(token, now=datetime.now(UTC), at_once=at_once)
    print_record({"tokenId": token.row_id, "priorUntil": format_time(until), "token": token.text}, as_json=as_json)


@scim_tokens.command(epilog="Example: scim-tokens revoke 6f9c2c1e-6a41-4b0f-9d0c-0d3a3f0c7a55")
@click.argument("token_id", type=click.UUID)
def revoke(token_id: UUID) -> None:
    """Revoke a token for good. People and groups stay as they are."""
    DynamoScimTokens().revoke(str(token_id))
    click.echo(f"Revoked SCIM token {token_id}.")


def _to_record(token: IssuedScimToken) -> dict[str, Any]:
    is_active = token.status is TokenStatus.ACTIVE
    return {
        "tokenId": token.token_id,
        "name": token.name,
        "status": token.status.value,
        "createdAt": token.created_at,
        "lastUsedAt": format_time(token.last_used_at),
        "lastUsedFrom": token.last_used_from,
        "useCount": token.use_count,
        "priorUntil": format_time(token.prior_until) if is_active else None,
    }
