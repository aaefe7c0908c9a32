"""Create more API keys for people of the demo organisation."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from chalicelib.ids import TokenKind, mint_token
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
