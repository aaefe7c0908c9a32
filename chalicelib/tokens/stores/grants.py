"""The table `tokens` as owners and operators see it: who has which tokens, and whether they work.

Lists come from the owner index, which a new row reaches a moment late; what they show is read consistently.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from chalicelib.aws import dynamodb
from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.errors import Conflict, Forbidden, NotFound
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.core.stores.reads import get_all, query
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.ids import TokenKind
from chalicelib.parallel import together
from chalicelib.people.stores.directory_rows import active_person
from chalicelib.resources import OWNER_INDEX, TOKENS
from chalicelib.tokens.domain.keys import Key
from chalicelib.tokens.domain.tokens import IssuedToken, Usage
from chalicelib.tokens.stores.tokens import TOOLS_OWNER, personal_owner

T = TypeVar("T")


class DynamoGrants:
    def list_keys(self, user_id: str) -> list[Key]:
        """A person's keys, newest first. Two store calls; none but the first when there are no keys."""
        return _owned(user_id, _as_key)

    def list_personal(self, user_id: str) -> list[IssuedToken]:
        """A person's personal tokens, newest first. Two store calls."""
        return _owned(personal_owner(user_id), _as_issued)

    def list_tools(self) -> list[IssuedToken]:
        """Every tools token, newest first. Two store calls."""
        return _owned(TOOLS_OWNER, _as_issued)

    def find_issued(self, kind: TokenKind, token_id: str) -> IssuedToken | None:
        """A tools or personal token. One store call."""
        row = _get(f"{kind.name}#{token_id}")
        return _as_issued(row) if row else None

    def find_key_owner(self, key_id: str) -> str | None:
        """The user id of a key's owner. One store call."""
        pointer = _get(f"KEYID#{key_id}")
        return str(pointer["userId"]) if pointer else None

    def switch_key(self, key_id: str, *, active: bool, owner_id: str | None, claim: Claim | None, reply: Row) -> bool:
        """Turn a key on or off; False when there is none, or it is not `owner_id`'s, where one is named.

        Two store calls.

        Raises:
            Forbidden: it would be turned on, and its owner is no active employee.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        pointer = _get(f"KEYID#{key_id}")
        if not pointer or owner_id not in (None, pointer["userId"]):
            return False
        status = TokenStatus.ACTIVE if active else TokenStatus.DISABLED
        update: Action = {
            "Update": {
                "TableName": TOKENS.physical_name,
                "Key": to_item({"pk": f"KEY#{pointer['hash']}"}),
                "UpdateExpression": "SET #status = :to",
                "ConditionExpression": "userId = :owner",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": values(to=status.value, owner=pointer["userId"]),
            }
        }
        try:
            commit([update, active_person(pointer["userId"])] if active else [update], claim=claim, reply=reply)
        except Refused as refused:
            if 0 in refused.failed:
                return False
            raise Forbidden("The key's owner is not an active employee.") from refused
        return True

    def delete_key(self, key_id: str, *, owner_id: str | None, claim: Claim | None) -> bool:
        """Delete a key; False when there is none, or it is not `owner_id`'s, where one is named.

        Of calls at the same time one finds it. Two store calls.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        pointer = _get(f"KEYID#{key_id}")
        if not pointer or owner_id not in (None, pointer["userId"]):
            return False
        condition = {
            "ConditionExpression": "userId = :owner",
            "ExpressionAttributeValues": values(owner=pointer["userId"]),
        }
        deletes: list[Action] = [
            {"Delete": {"TableName": TOKENS.physical_name, "Key": to_item({"pk": pk}), **condition}}
            for pk in (f"KEY#{pointer['hash']}", pointer["pk"])
        ]
        try:
            commit(deletes, claim=claim, reply={})
        except Refused:
            return False
        return True

    def set_status(self, kind: TokenKind, token_id: str, *, active: bool, while_active: str | None = None) -> bool:
        """Enable or disable a tools or personal token; False when it stood so already. One store call.

        Raises:
            NotFound: there is no such token.
            Conflict: it has been revoked, which is for good.
            Forbidden: the person `while_active` is no active employee.
        """
        start, end = TokenStatus.DISABLED, TokenStatus.ACTIVE
        if not active:
            start, end = end, start
        update: Action = {
            "Update": {
                "TableName": TOKENS.physical_name,
                "Key": to_item({"pk": f"{kind.name}#{token_id}"}),
                "UpdateExpression": "SET #status = :to",
                "ConditionExpression": "#status = :from",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": values(to=end.value, **{"from": start.value}),
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
        try:
            commit([update, active_person(while_active)] if while_active else [update], claim=None, reply={})
        except Refused as refused:
            if 0 not in refused.failed:
                raise Forbidden("The token's owner is not an active employee.") from refused
            row = refused.rows[0]
            if not row:
                raise NotFound("No such token.") from refused
            if row["status"] == TokenStatus.REVOKED:
                raise Conflict("The token has been revoked, which is for good.") from refused
            return False
        return True

    def revoke_tools(self, token_id: str, *, claim: Claim | None, reply: Row) -> bool:
        """End a tools token for good; False when there is none. Again does no harm. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        update: Action = {
            "Update": {
                "TableName": TOKENS.physical_name,
                "Key": to_item({"pk": f"{TokenKind.TOOLS.name}#{token_id}"}),
                "UpdateExpression": "SET #status = :revoked",
                "ConditionExpression": "attribute_exists(pk)",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": values(revoked=TokenStatus.REVOKED.value),
            }
        }
        try:
            commit([update], claim=claim, reply=reply)
        except Refused:
            return False
        return True

    def list_usage(self, user_id: str | None) -> list[Usage]:
        """How the windows of all tools tokens stand, or of a person's personal tokens and keys, newest first.

        Store calls in sequence: 2.
        """
        owners = [TOOLS_OWNER] if user_id is None else [personal_owner(user_id), user_id]
        found = (
            together(*(partial(_owned, owner, _as_usage) for owner in owners))
            if user_id
            else [_owned(TOOLS_OWNER, _as_usage)]
        )
        return [each for usages in found for each in usages]


def _owned(owner: str, read: Callable[[Row], T]) -> list[T]:
    found = query(
        TOKENS,
        IndexName=OWNER_INDEX,
        KeyConditionExpression="keyOwner = :owner",
        ExpressionAttributeValues=values(owner=owner),
        ScanIndexForward=False,
    )
    keys = [row["pk"] for row in found]
    rows = {row["pk"]: row for row in get_all(TOKENS, ({"pk": pk} for pk in keys))}
    return [read(rows[pk]) for pk in keys if pk in rows]


def _get(pk: str) -> Row | None:
    got = dynamodb().get_item(TableName=TOKENS.physical_name, Key=to_item({"pk": pk}), ConsistentRead=True)
    return from_item(dict(got["Item"])) if "Item" in got else None


def _moment(seconds: Any) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)


def _as_key(row: Row) -> Key:
    return Key(
        key_id=row["keyId"],
        user_id=row["userId"],
        name=row["name"],
        prefix=row["prefix"],
        permissions=frozenset(row["permissions"]),
        active=row["status"] == TokenStatus.ACTIVE,
        expires_at=_moment(row.get("expiresAt")),
        last_used_at=_moment(row.get("lastUsedAt")),
        usage_count=int(row["useCount"]),
        created_at=row["createdAt"],
    )


def _as_usage(row: Row) -> Usage:
    kind, _, row_id = row["pk"].partition("#")
    return Usage(
        kind=TokenKind[kind],
        token_id=row.get("keyId", row_id),
        integrator=row.get("integrator"),
        user_id=row["userId"],
        status=TokenStatus(row["status"]),
        minute=int(row["minute"]),
        minute_used=int(row["minuteUsed"]),
        day=row["day"],
        day_left=int(row["dayLeft"]),
        daily_limit=int(row["dailyLimit"]),
    )


def _as_issued(row: Row) -> IssuedToken:
    return IssuedToken(
        token_id=row["pk"].partition("#")[2],
        integrator=row["integrator"],
        user_id=row["userId"],
        status=TokenStatus(row["status"]),
        admin=row.get("admin", False),
        daily_limit=int(row["dailyLimit"]),
        created_at=row["createdAt"],
        last_used_at=_moment(row.get("lastUsedAt")),
        use_count=int(row["useCount"]),
        prior_until=_moment(row.get("priorExpiresAt")),
    )
