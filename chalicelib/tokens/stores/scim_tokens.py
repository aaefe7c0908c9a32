"""Tokens of directories (SCIM), in the table `tokens` (see tokens): pk = SCIM#<token id>; name.

index owner: keyOwner = SCIM, createdAt
"""

from datetime import UTC, datetime
from typing import Any

from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.actions import EXISTS, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.writes import try_commit
from chalicelib.ids import MintedToken, TokenKind
from chalicelib.resources import TOKENS
from chalicelib.tokens.domain.scim_tokens import MOST_SCIM_TOKENS, IssuedScimToken
from chalicelib.tokens.stores.grants import list_owned
from chalicelib.tokens.stores.tokens import new_token_row

_OWNER = TokenKind.SCIM.name
_ISSUED = Codec(IssuedScimToken, without=("token_id", "last_used_at", "prior_until"))


class DynamoScimTokens:
    def add(self, token: MintedToken, name: str, *, now: datetime) -> None:
        """Store a new token. Three store calls.

        Raises:
            Conflict: there are as many tokens as there may be.
        """
        if sum(each.status is not TokenStatus.REVOKED for each in self.list_all()) >= MOST_SCIM_TOKENS:
            raise Conflict(f"A desk has at most {MOST_SCIM_TOKENS} SCIM tokens. Revoke one first.")
        columns = {"name": name, "keyOwner": _OWNER, "createdAt": timestamp(now), "dailyLimit": 0}
        if not try_commit([put_new(TOKENS, new_token_row(token) | columns)]):
            raise Conflict("This token exists already.")

    def list_all(self) -> list[IssuedScimToken]:
        """List the tokens, newest first. Two store calls; one when there are none."""
        return list_owned(_OWNER, _from_row)

    def revoke(self, token_id: str) -> None:
        """End a token for good; its directory is refused from now on. May be repeated. One store call.

        Raises:
            NotFound: the token is unknown.
        """
        revoked = TokenStatus.REVOKED.value
        key = {"pk": f"{_OWNER}#{token_id}"}
        if not try_commit([update(TOKENS, key, "SET #status = :revoked", EXISTS, revoked=revoked)]):
            raise NotFound("SCIM token not found. See: scim-tokens list")


def _from_row(row: Row) -> IssuedScimToken:
    return _ISSUED.from_row(
        row,
        token_id=row["pk"].partition("#")[2],
        last_used_at=_moment(row.get("lastUsedAt")),
        prior_until=_moment(row.get("priorExpiresAt")),
    )


def _moment(seconds: Any) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)
