"""`ingest-tokens`: manage the tokens in the addresses that other systems send to."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import click
from pydantic import ValidationError

from chalicelib import ids
from chalicelib.core.domain.errors import Forbidden, NotFound
from chalicelib.edge.problem import to_invalid
from chalicelib.ingest.domain.adapters.table import check_token
from chalicelib.ingest.domain.routing import read_rules
from chalicelib.people.stores.employees import DynamoEmployees
from chalicelib.settings import settings
from chalicelib.tokens.domain.ingest_tokens import (
    IngestRulesIn,
    IngestToken,
    IngestTokenIn,
    Publisher,
    address_of,
    addresses_in,
    new_ingest_token,
    with_user_ids,
)
from chalicelib.tokens.stores.grants import DynamoGrants
from chalicelib.tokens.stores.ingest_tokens import DynamoIngestTokens
from infra.commands.output import format_time, json_option, print_record, print_records


@click.group("ingest-tokens")
def ingest_tokens() -> None:
    """Manage tokens in addresses (flux-ingest-…).

    PUBLISHER is the id of the personal or tools token that they publish with.
    """


@ingest_tokens.command(
    epilog="Example: ingest-tokens create 0f0e1e9c-58a4-4d0e-8f53-6f1f8a4bd7c2 --adapter ntfy --name cron"
)
@click.argument("publisher", type=click.UUID)
@click.option("--adapter", required=True, help="The adapter it is for, such as alertmanager.")
@click.option("--name", required=True, help="Name that tells it apart from others.")
@click.option("--signing-secret", help="The secret with which the other system signs its requests.")
@json_option
def create(publisher: UUID, *, adapter: str, name: str, signing_secret: str | None, as_json: bool) -> None:
    """Create a token. The address with it is only shown once."""
    check_token(adapter, is_signed=signing_secret is not None, mapping=None)
    given: dict[str, Any] = {"signing_secret": signing_secret} if signing_secret is not None else {}
    try:
        request = IngestTokenIn(adapter=adapter, name=name, **given)
    except ValidationError as error:
        raise to_invalid(error) from error
    secret, now = ids.mint_sign_in_secret(ids.PathSecret.INGEST), datetime.now(UTC)
    token = new_ingest_token(
        request,
        token_id=str(uuid4()),
        publisher=_find(publisher),
        now=now,
    )
    DynamoIngestTokens().add(token, secret, claim=None, reply={})
    address = address_of(settings().base_url, adapter, secret.text)
    print_record({"tokenId": token.token_id, "adapter": adapter, "name": name, "address": address}, as_json=as_json)


@ingest_tokens.command(epilog="Example: ingest-tokens show 0f0e1e9c-58a4-4d0e-8f53-6f1f8a4bd7c2")
@click.argument("publisher", type=click.UUID)
@json_option
def show(publisher: UUID, *, as_json: bool) -> None:
    """Show the tokens of a publisher, newest first. Secrets are not shown."""
    found = DynamoIngestTokens().list_for(_find(publisher))
    print_records([_to_record(each) for each in found], as_json=as_json, none="No ingest tokens.")


@ingest_tokens.command(
    epilog="Example: ingest-tokens route 0f0e1e9c-58a4-4d0e-8f53-6f1f8a4bd7c2 6f9c2c1e-6a41-4b0f-9d0c-0d3a3f0c7a55 "
    "rules.json"
)
@click.argument("publisher", type=click.UUID)
@click.argument("token_id", type=click.UUID)
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
def route(publisher: UUID, token_id: UUID, file: str) -> None:
    """Replace the routing rules of a token of a tools token.

    FILE has {"rules": [{"when": {"labels.team": "pay*"}, "to": ["group:payments"]}]}, or is - for the standard input.
    The last rule that matches decides.
    """
    found = _find(publisher)
    if found.kind is not ids.TokenKind.TOOLS:
        raise Forbidden("A personal token publishes to its owner, so it has no routing rules.")
    try:
        with click.open_file(file, "rb") as opened:
            rules = IngestRulesIn.model_validate_json(opened.read()).rules
    except OSError as error:
        raise click.ClickException(f"The file can't be read: {error.strerror}.") from error
    except ValidationError as error:
        raise to_invalid(error) from error
    read_rules(rules)
    known = with_user_ids(rules, DynamoEmployees().find_user_ids(addresses_in(rules)))
    read_rules(known)
    DynamoIngestTokens().save_rules(str(token_id), known, found, claim=None, reply={})
    click.echo(f"Ingest token {token_id} has {len(known)} routing rules.")


@ingest_tokens.command(
    epilog="Example: ingest-tokens end 0f0e1e9c-58a4-4d0e-8f53-6f1f8a4bd7c2 6f9c2c1e-6a41-4b0f-9d0c-0d3a3f0c7a55"
)
@click.argument("publisher", type=click.UUID)
@click.argument("token_id", type=click.UUID)
def end(publisher: UUID, token_id: UUID) -> None:
    """End a token for good. What is sent to its address is refused."""
    DynamoIngestTokens().end(str(token_id), _find(publisher), claim=None, reply={})
    click.echo(f"Ended ingest token {token_id}.")


def _find(token_id: UUID) -> Publisher:
    grants = DynamoGrants()
    for kind in (ids.TokenKind.PERSONAL, ids.TokenKind.TOOLS):
        if issued := grants.find_issued(kind, str(token_id)):
            person = issued.user_id if kind is ids.TokenKind.PERSONAL else None
            return Publisher(kind, issued.token_id, issued.integrator, person)
    raise NotFound("There is no personal or tools token with this id.")


def _to_record(token: IngestToken) -> dict[str, Any]:
    return {
        "tokenId": token.token_id,
        "adapter": token.adapter,
        "name": token.name,
        "integrator": token.integrator,
        "rules": len(token.rules),
        "signed": token.signing_secret is not None,
        "createdAt": token.created_at,
        "lastUsedAt": format_time(token.last_used_at),
        "useCount": token.use_count,
    }
