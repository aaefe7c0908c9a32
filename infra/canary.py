"""A temporary employee with a token and a key, for the doctor. Only a deactivated employee remains."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from chalicelib.aws import dynamodb
from chalicelib.core.domain.errors import Conflict
from chalicelib.core.stores.items import to_item, values
from chalicelib.ids import MintedToken, TokenKind, mint_token
from chalicelib.people.domain.directory import Person
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DELIVERIES, EVENT_TYPES, SOCKETS, TOKENS, Table
from chalicelib.tokens.domain.tokens import KeyGrant, PersonalGrant
from chalicelib.tokens.stores.token_rows import token_key
from chalicelib.tokens.stores.tokens import DynamoTokens
from infra import tables

# No real integrator has this slug, because slugs have no dots.
INTEGRATOR = "fluxden.doctor"
EVENT_TYPE = "fluxden.doctor.canary.published"
_EMAIL = "doctor@fluxden.invalid"
# If the clean-up fails, the key expires by itself.
_KEY_LIFETIME = timedelta(minutes=10)
_SORT_KEYS = {each.table: each.sort_key for each in tables.DEFINITIONS}


@dataclass(frozen=True)
class Canary:
    """Publishes to itself with `token` and reads its inbox with `key`."""

    user_id: str
    token: str
    key: str
    deliveries: list[str]


@contextmanager
def create_canary() -> Iterator[Canary]:
    """Activate the canary. On exit, delete its tokens, deliveries, frames and counts, and deactivate it."""
    now, directory = datetime.now(UTC), DynamoDirectory()
    with suppress(Conflict):
        directory.add_person(Person(str(uuid4()), _EMAIL, "Fluxden doctor"))
    person = directory.find_person_by_email(_EMAIL)
    assert person is not None
    directory.set_active(person.user_id, active=True)
    grant = PersonalGrant(
        grant_id=str(uuid4()),
        integrator=INTEGRATOR,
        event_prefix=f"{INTEGRATOR}.",
        user_id=person.user_id,
        tools_token_id=str(uuid4()),
        tools_owner_id=person.user_id,
        daily_limit=10,
        label="doctor",
    )
    token, key = mint_token(TokenKind.PERSONAL, grant.grant_id), mint_token(TokenKind.KEY)
    permitted = KeyGrant(
        str(uuid4()), person.user_id, "doctor", key.visible_prefix, frozenset({"all"}), now + _KEY_LIFETIME
    )
    canary = Canary(person.user_id, token.text, key.text, [])
    try:
        DynamoTokens().add_personal(grant, token, now=now)
        DynamoTokens().add_key(permitted, key, now=now)
        yield canary
    finally:
        directory.set_active(person.user_id, active=False)
        _delete_canary(canary, token, key, permitted.key_id)


def _delete_canary(canary: Canary, token: MintedToken, key: MintedToken, key_id: str) -> None:
    for each in (token_key(token), token_key(key), {"pk": f"KEYID#{key_id}"}):
        dynamodb().delete_item(TableName=TOKENS.physical_name, Key=to_item(each))
    for delivery_id in canary.deliveries:
        _delete_partition(DELIVERIES, delivery_id)
    _delete_partition(EVENT_TYPES, INTEGRATOR)
    _delete_partition(SOCKETS, canary.user_id)


def _delete_partition(table: Table, partition: str) -> None:
    sort_key = _SORT_KEYS[table]
    assert sort_key is not None
    pages = dynamodb().get_paginator("query")
    for page in pages.paginate(
        TableName=table.physical_name,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues=values(pk=partition),
        ConsistentRead=True,
    ):
        for row in page["Items"]:
            key: dict[str, Any] = {name: row[name] for name in ("pk", sort_key)}
            dynamodb().delete_item(TableName=table.physical_name, Key=key)
