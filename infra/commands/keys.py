"""`keys`: manage people's API keys."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import click

from chalicelib.core.domain.errors import NotFound
from chalicelib.ids import TokenKind, mint_token
from chalicelib.operate.services.employees import person_by_email
from chalicelib.operate.services.tokens import issue_key
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.tokens.domain.keys import ALL, Area, Key, KeyIn, to_permissions
from chalicelib.tokens.stores.grants import DynamoGrants
from chalicelib.tokens.stores.tokens import DynamoTokens
from infra.commands.open_sockets import new_closer
from infra.commands.output import format_time, json_option, print_record, print_records


@click.group()
def keys() -> None:
    """Manage people's API keys (dvd_…)."""


@keys.command(epilog="Example: keys create --owner alice@example.com --name laptop --permissions queue,chat")
@click.option("--owner", required=True, metavar="EMAIL", help="Owner of the key.")
@click.option("--name", required=True, help="Name that tells it apart from the owner's other keys.")
@click.option(
    "--permissions",
    default=ALL,
    show_default=True,
    metavar="AREAS",
    help=f"{ALL}, or a comma-separated list of {', '.join(Area)}.",
)
@click.option("--expires-in-days", type=float, help="Days until the key expires.  [default: never]")
@json_option
def create(owner: str, name: str, permissions: str, expires_in_days: float | None, *, as_json: bool) -> None:
    """Create an API key. The key is only shown once."""
    sent: dict[str, Any] = {
        "name": name,
        "permissions": ALL if permissions == ALL else [each.strip() for each in permissions.split(",")],
    }
    wanted = KeyIn.model_validate(
        sent | ({} if expires_in_days is None else {"expiresInDays": expires_in_days}), strict=False
    )
    token = mint_token(TokenKind.KEY)
    made = issue_key(
        wanted,
        token,
        key_id=str(uuid4()),
        owner=owner,
        now=datetime.now(UTC),
        people=DynamoDirectory(),
        tokens=DynamoTokens(),
    )
    record = {
        "keyId": made.key_id,
        "owner": owner.lower(),
        "permissions": to_permissions(made.permissions),
        "expiresAt": format_time(made.expires_at),
        "key": token.text,
    }
    print_record(record, as_json=as_json)


@keys.command("list", epilog="Example: keys list --owner alice@example.com --json")
@click.option("--owner", metavar="EMAIL", help="Only keys of this employee.")
@json_option
def list_(owner: str | None, *, as_json: bool) -> None:
    """List keys by owner, newest first. Secrets are not shown."""
    people, now = DynamoDirectory(), datetime.now(UTC)
    owners = [person_by_email(owner, people)] if owner is not None else people.list_people()
    found = [
        _to_record(person.email, key, now) for person in owners for key in DynamoGrants().list_keys(person.user_id)
    ]
    print_records(found, as_json=as_json, none="No API keys.")


@keys.command(epilog="Example: keys disable 1b1f0a36-2a5e-4b5f-8f0e-0a5d1c2b3e4f")
@click.argument("key_id", type=click.UUID)
def disable(key_id: UUID) -> None:
    """Disable a key. You can enable it again."""
    _switch(key_id, active=False)
    click.echo(f"Disabled key {key_id}.")


@keys.command(epilog="Example: keys enable 1b1f0a36-2a5e-4b5f-8f0e-0a5d1c2b3e4f")
@click.argument("key_id", type=click.UUID)
def enable(key_id: UUID) -> None:
    """Enable a disabled key. Its owner must be active."""
    _switch(key_id, active=True)
    click.echo(f"Enabled key {key_id}.")


@keys.command(epilog="Example: keys delete 1b1f0a36-2a5e-4b5f-8f0e-0a5d1c2b3e4f")
@click.argument("key_id", type=click.UUID)
def delete(key_id: UUID) -> None:
    """Delete a key. This can't be undone."""
    owner = DynamoGrants().find_key_owner(str(key_id))
    if owner is None or not DynamoGrants().delete_key(str(key_id), owner_id=None, claim=None):
        raise NotFound(f"Key {key_id} not found.")
    new_closer().close(owner, key_id=str(key_id))
    click.echo(f"Deleted key {key_id}.")


def _switch(key_id: UUID, *, active: bool) -> None:
    owner, reply = DynamoGrants().find_key_owner(str(key_id)), dict[str, Any]()
    if owner is None or not DynamoGrants().switch_key(
        str(key_id), active=active, owner_id=None, claim=None, reply=reply
    ):
        raise NotFound(f"Key {key_id} not found.")
    if not active:
        new_closer().close(owner, key_id=str(key_id))


def _to_record(email: str, key: Key, now: datetime) -> dict[str, Any]:
    expired = key.expires_at is not None and key.expires_at <= now
    return {
        "keyId": key.key_id,
        "owner": email,
        "name": key.name,
        "prefix": key.prefix,
        "permissions": to_permissions(key.permissions),
        "status": "expired" if expired else "active" if key.active else "disabled",
        "expiresAt": format_time(key.expires_at),
        "lastUsedAt": format_time(key.last_used_at),
        "useCount": key.usage_count,
        "createdAt": key.created_at,
    }
