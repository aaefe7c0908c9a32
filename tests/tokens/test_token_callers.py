"""What a token's row says about its caller."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.core.domain.errors import Inactive, Unauthorized
from chalicelib.ids import TokenKind, mint_token, parse_token
from chalicelib.tokens.stores.token_callers import check_token, to_caller

pytestmark = pytest.mark.engine("embedded")

NOON = datetime(2026, 5, 21, 12, tzinfo=UTC)
SECONDS = int(NOON.timestamp())
TOKEN = parse_token(mint_token(TokenKind.KEY).text)


def row(**more: Any) -> dict[str, Any]:
    assert TOKEN
    about = {"keyId": "k1", "userId": "u1", "permissions": ["chat"], "name": "laptop"}
    return {"secretHash": TOKEN.secret_hash, "status": "active", **about, **more}


@pytest.mark.parametrize(
    ("found", "error"),
    [
        ({}, Unauthorized),
        (row(secretHash="other"), Unauthorized),
        (row(secretHash="other", priorHash="another", priorExpiresAt=SECONDS + 1), Unauthorized),
        (row(status="disabled"), Inactive),
        (row(expiresAt=SECONDS), Inactive),
    ],
)
def test_token_that_its_row_does_not_accept_is_refused(found: dict[str, Any], error: type[Exception]) -> None:
    assert TOKEN
    with pytest.raises(error):
        check_token(TOKEN, found, NOON)


def test_prior_secret_is_accepted_until_it_ends() -> None:
    assert TOKEN
    prior = {"secretHash": "new", "priorHash": TOKEN.secret_hash}
    check_token(TOKEN, row(**prior, priorExpiresAt=SECONDS + 1), NOON)
    with pytest.raises(Unauthorized):
        check_token(TOKEN, row(**prior, priorExpiresAt=SECONDS), NOON)


def test_caller_has_the_permissions_and_the_owner_of_its_row() -> None:
    assert TOKEN
    caller = to_caller(TOKEN, row(expiresAt=SECONDS + 5))
    assert (caller.identity, getattr(caller, "user_id", None)) == (caller.identity, "u1")
    assert getattr(caller, "permissions", None) == {"chat"}
