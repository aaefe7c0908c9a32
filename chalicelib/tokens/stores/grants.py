"""The tokens of owners and operators, in the table `tokens` (see tokens): list, enable, disable and revoke them.

Lists come from the owner index, which gets new rows a moment late; the rows themselves are read consistently.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.errors import Conflict, Forbidden, NotFound
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.stores.actions import EXISTS, delete, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.reads import get, get_all, query
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.ids import TokenKind
from chalicelib.parallel import gather
from chalicelib.people.stores.directory_rows import active_person_check
from chalicelib.resources import OWNER_INDEX, TOKENS
from chalicelib.tokens.domain.integrations import Disabler
from chalicelib.tokens.domain.keys import Key
from chalicelib.tokens.domain.tokens import IssuedToken, Usage
from chalicelib.tokens.stores.token_rows import tools_key
from chalicelib.tokens.stores.tokens import TOOLS_OWNER, keys_of_key, personal_owner

T = TypeVar("T")

_KEY = Codec(Key, {"usage_count": "useCount"}, without=("active", "expires_at", "last_used_at"))
_USAGE = Codec(Usage, without=("kind", "token_id", "integrator"))
_ISSUED = Codec(IssuedToken, without=("token_id", "admin", "last_used_at", "prior_until"))


class DynamoGrants:
    def list_keys(self, user_id: str) -> list[Key]:
        """List a person's keys, newest first. Two store calls; one when there are none."""
        return list_owned(user_id, _key_from_row)

    def list_personal(self, user_id: str) -> list[IssuedToken]:
        """List a person's personal tokens, newest first. Two store calls."""
        return list_owned(personal_owner(user_id), _issued_from_row)

    def list_tools(self) -> list[IssuedToken]:
        """List all tools tokens, newest first. Two store calls."""
        return list_owned(TOOLS_OWNER, _issued_from_row)

    def find_issued(self, kind: TokenKind, token_id: str) -> IssuedToken | None:
        """Find a tools or personal token. One store call."""
        row = get(TOKENS, {"pk": f"{kind.name}#{token_id}"})
        return _issued_from_row(row) if row else None

    def find_key_owner(self, key_id: str) -> str | None:
        """Find the user id of a key's owner. One store call."""
        pointer = get(TOKENS, _pointer(key_id))
        return str(pointer["userId"]) if pointer else None

    def switch_key(self, key_id: str, *, active: bool, owner_id: str | None, claim: Claim | None, reply: Row) -> bool:
        """Enable or disable a key; False if it is unknown, or not of `owner_id`, where that is given.

        Two store calls.

        Raises:
            Forbidden: it would be enabled, and its owner is not an active employee.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        pointer = get(TOKENS, _pointer(key_id))
        if not pointer or owner_id not in (None, pointer["userId"]):
            return False
        status = TokenStatus.ACTIVE if active else TokenStatus.DISABLED
        switch = update(
            TOKENS,
            {"pk": f"KEY#{pointer['hash']}"},
            "SET #status = :to",
            "userId = :owner",
            to=status.value,
            owner=pointer["userId"],
        )
        try:
            commit(
                [switch, active_person_check(pointer["userId"])] if active else [switch],
                claim=claim,
                reply=reply,
                audited=Subject("key", key_id, pointer["userId"]),
            )
        except Refused as refused:
            if 0 in refused.failed:
                return False
            raise Forbidden("The owner of this key is not an active employee.") from refused
        return True

    def delete_key(self, key_id: str, *, owner_id: str | None, claim: Claim | None) -> bool:
        """Delete a key; False if it is unknown, or not of `owner_id`, where that is given.

        One of concurrent calls succeeds. Two store calls.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        pointer = get(TOKENS, _pointer(key_id))
        if not pointer or owner_id not in (None, pointer["userId"]):
            return False
        keys = ({"pk": f"KEY#{pointer['hash']}"}, _pointer(key_id))
        owner = pointer["userId"]
        discount = update(TOKENS, keys_of_key(owner), "DELETE keyIds :removed", removed={key_id})
        deletes = [delete(TOKENS, key, "userId = :owner", owner=owner) for key in keys]
        return try_commit([*deletes, discount], claim=claim, audited=Subject("key", key_id, owner))

    def set_status(self, kind: TokenKind, token_id: str, *, active: bool, while_active: str | None = None) -> bool:
        """Enable or disable a tools or personal token; False if nothing changes. One store call.

        Raises:
            NotFound: the token is unknown.
            Conflict: the token is revoked.
            Forbidden: the person `while_active` is not an active employee.
        """
        # What the employee disabled becomes the administrator's, so that only an administrator enables it.
        switch = update(
            TOKENS,
            {"pk": f"{kind.name}#{token_id}"},
            "SET #status = :active REMOVE disabledBy" if active else "SET #status = :disabled, disabledBy = :admin",
            "#status = :disabled"
            if active
            else "#status = :active OR (#status = :disabled AND disabledBy = :employee)",
            active=TokenStatus.ACTIVE.value,
            disabled=TokenStatus.DISABLED.value,
            **({} if active else {"admin": Disabler.ADMIN.value, "employee": Disabler.EMPLOYEE.value}),
        )
        try:
            commit(
                [switch, active_person_check(while_active)] if while_active else [switch], tokened=True, audited=True
            )
        except Refused as refused:
            if 0 not in refused.failed:
                raise Forbidden("The owner of this token is not an active employee.") from refused
            row = refused.rows[0]
            if not row:
                raise NotFound("Token not found.") from refused
            if row["status"] == TokenStatus.REVOKED:
                raise Conflict("This token is revoked. A revoked token can't be enabled again.") from refused
            return False
        return True

    def revoke_tools(self, token_id: str, *, claim: Claim | None, reply: Row) -> bool:
        """Revoke a tools token; False if it is unknown. May be repeated. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        revoked = TokenStatus.REVOKED.value
        revoke = update(TOKENS, tools_key(token_id), "SET #status = :revoked", EXISTS, revoked=revoked)
        return try_commit([revoke], claim=claim, reply=reply, audited=True)

    def list_usage(self, user_id: str | None) -> list[Usage]:
        """List the budget windows of all tools tokens, or of a person's personal tokens and keys, newest first.

        Store calls in sequence: 2.
        """
        if user_id is None:
            return list_owned(TOOLS_OWNER, _usage_from_row)
        owners = (personal_owner(user_id), user_id)
        found = gather(*(partial(list_owned, owner, _usage_from_row) for owner in owners))
        return [each for usages in found for each in usages]


def list_owned(owner: str, read: Callable[[Row], T]) -> list[T]:
    """List the rows under a key of the owner index, newest first. Two store calls; one when there are none."""
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


def _pointer(key_id: str) -> Row:
    return {"pk": f"KEYID#{key_id}"}


def _to_datetime(seconds: Any) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)


def _key_from_row(row: Row) -> Key:
    return _KEY.from_row(
        row,
        active=row["status"] == TokenStatus.ACTIVE,
        expires_at=_to_datetime(row.get("expiresAt")),
        last_used_at=_to_datetime(row.get("lastUsedAt")),
    )


def _usage_from_row(row: Row) -> Usage:
    kind, _, row_id = row["pk"].partition("#")
    token_id, integrator = row.get("keyId", row_id), row.get("integrator")
    return _USAGE.from_row(row, kind=TokenKind[kind], token_id=token_id, integrator=integrator)


def _issued_from_row(row: Row) -> IssuedToken:
    return _ISSUED.from_row(
        row,
        token_id=row["pk"].partition("#")[2],
        admin=row.get("admin", False),
        last_used_at=_to_datetime(row.get("lastUsedAt")),
        prior_until=_to_datetime(row.get("priorExpiresAt")),
    )
