"""Tokens in the addresses of webhooks, in the table `tokens` (see tokens): pk = INGEST#<sha-256 of the token>.

tokenId, adapter, name, mapping; rules: each with when and to, in their order
publisher, publisherId: the kind and the row of the token that publishes for it
userId: the employee of a personal token; signingSecret: sealed (see vault); useCount, lastUsedAt
index owner: keyOwner = INGEST#<user id>, or INGEST#TOOLS#<token id>; createdAt
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws import dynamodb
from chalicelib.core.domain.errors import Conflict, NotFound, Unauthorized
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.stores.actions import EXISTS, delete, put, put_new, update
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.core.stores.writes import try_commit
from chalicelib.ids import MintedToken, PresentedToken, TokenKind
from chalicelib.resources import TOKENS
from chalicelib.tokens.domain.ingest_tokens import MOST_INGEST_TOKENS, IngestRule, IngestToken, Publisher
from chalicelib.tokens.stores.grants import list_owned
from chalicelib.vault import seal, unseal

_KIND = "INGEST"


class DynamoIngestTokens:
    def add(self, token: IngestToken, secret: MintedToken, *, claim: Claim | None, reply: Row) -> None:
        """Store a new token. Store calls: 3; 2 for the first.

        Raises:
            Conflict: the owner has as many as there may be.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        row = _to_row(token) | {"pk": f"{_KIND}#{secret.row_id}"}
        is_full = len(list_owned(_owner(token.user_id, token.publisher_id), _from_row)) >= MOST_INGEST_TOKENS
        # No such row exists, so this is refused, unless the claim was answered before.
        action = put(TOKENS, row, EXISTS) if is_full else put_new(TOKENS, row)
        if not try_commit([action], claim=claim, reply=reply, audited=True):
            raise Conflict(f"There are {MOST_INGEST_TOKENS} ingest tokens, the maximum. End one first.")

    def list_for(self, publisher: Publisher) -> list[IngestToken]:
        """List the tokens that publish as `publisher`, newest first. Store calls: 2; one when there are none."""
        return [token for _, token in self._rows(publisher)]

    def end(self, token_id: str, publisher: Publisher, *, claim: Claim | None, reply: Row) -> None:
        """Delete a token that publishes as `publisher`. Store calls: 3.

        Raises:
            NotFound: there is none.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        pk = next((pk for pk, token in self._rows(publisher) if token.token_id == token_id), f"{_KIND}#")
        if not try_commit(
            [delete(TOKENS, {"pk": pk}, "tokenId = :id", id=token_id)], claim=claim, reply=reply, audited=True
        ):
            raise NotFound("Ingest token not found.")

    def save_rules(
        self, token_id: str, rules: Sequence[IngestRule], publisher: Publisher, *, claim: Claim | None, reply: Row
    ) -> None:
        """Replace the rules of a token that publishes as `publisher`. Store calls: 3.

        Raises:
            NotFound: there is none.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        pk = next((pk for pk, token in self._rows(publisher) if token.token_id == token_id), f"{_KIND}#")
        stored = [each.model_dump() for each in rules]
        change = update(TOKENS, {"pk": pk}, "SET #rules = :rules", "tokenId = :id", id=token_id, rules=stored)
        if not try_commit([change], claim=claim, reply=reply, audited=True):
            raise NotFound("Ingest token not found.")

    def use(self, secret: PresentedToken, *, now: datetime) -> IngestToken:
        """Find the token of a request, and note its use. One store call.

        Raises:
            Unauthorized: the token is unknown, or has ended.
        """
        try:
            found = dynamodb().update_item(
                TableName=TOKENS.physical_name,
                Key=to_item({"pk": f"{_KIND}#{secret.row_id}"}),
                UpdateExpression="SET lastUsedAt = :now, useCount = useCount + :one",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues=values(now=int(now.timestamp()), one=1),
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise Unauthorized("The token in the address is unknown, or has ended.") from error
        token = _from_row(from_item(found["Attributes"]))
        sealed, place = token.signing_secret, _place(token.token_id)
        return replace(token, signing_secret=unseal(sealed, place=place)) if sealed else token

    def _rows(self, publisher: Publisher) -> list[tuple[str, IngestToken]]:
        found = list_owned(_owner(publisher.user_id, publisher.token_id), lambda row: (str(row["pk"]), _from_row(row)))
        return [each for each in found if publisher.token_id in (None, each[1].publisher_id)]


def _owner(user_id: str | None, publisher_id: str | None) -> str:
    return f"{_KIND}#{user_id}" if user_id else f"{_KIND}#TOOLS#{publisher_id}"


def _place(token_id: str) -> str:
    return f"ingest/{token_id}"


def _to_row(token: IngestToken) -> Row:
    row: Row = {
        "tokenId": token.token_id,
        "adapter": token.adapter,
        "name": token.name,
        "publisher": token.publisher.name,
        "publisherId": token.publisher_id,
        "integrator": token.integrator,
        "keyOwner": _owner(token.user_id, token.publisher_id),
        "createdAt": token.created_at,
        "useCount": 0,
    }
    row |= {"userId": token.user_id} if token.user_id else {}
    row |= {"mapping": dict(token.mapping)} if token.mapping else {}
    row |= {"rules": [each.model_dump() for each in token.rules]} if token.rules else {}
    if token.signing_secret:
        row["signingSecret"] = seal(token.signing_secret, place=_place(token.token_id))
    return row


def _from_row(row: Row) -> IngestToken:
    return IngestToken(
        token_id=row["tokenId"],
        adapter=row["adapter"],
        name=row["name"],
        publisher=TokenKind[row["publisher"]],
        publisher_id=row["publisherId"],
        integrator=row["integrator"],
        created_at=row["createdAt"],
        user_id=row.get("userId"),
        signing_secret=row.get("signingSecret"),
        mapping=row.get("mapping", {}),
        rules=tuple(IngestRule(when=each["when"], to=each["to"]) for each in row.get("rules", ())),
        use_count=int(row["useCount"]),
        last_used_at=_moment(row.get("lastUsedAt")),
    )


def _moment(seconds: Any) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)
