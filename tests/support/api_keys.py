"""Create more API keys for people of the demo organisation."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from chalicelib.ids import TokenKind, mint_token
from chalicelib.people.domain.directory import Person
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.tokens.domain.tokens import KeyGrant
from chalicelib.tokens.stores.tokens import DynamoTokens

if TYPE_CHECKING:
    from tests.conftest import Desk


def new_api_key(desk: "Desk", name: str, *areas: str) -> str:
    """Create an API key of a person with these permissions, by default all."""
    token = mint_token(TokenKind.KEY)
    grant = KeyGrant(str(uuid4()), desk.user_id(name), "test", token.visible_prefix, frozenset(areas or {"all"}))
    DynamoTokens().add_key(grant, token, now=datetime.now(UTC), reply={})
    return token.text


def new_listener() -> str:
    """Create an employee, and return a key of theirs with every permission."""
    token, person = mint_token(TokenKind.KEY), Person(str(uuid4()), f"{uuid4()}@example.com", "Listener")
    DynamoDirectory().add_person(person)
    grant = KeyGrant(str(uuid4()), person.user_id, "test", token.visible_prefix, frozenset({"all"}))
    DynamoTokens().add_key(grant, token, now=datetime.now(UTC), reply={})
    return token.text
