"""An employee's personal tokens, in the table `tokens` (see tokens): list them, disable them, enable them again.

disabledBy: who disabled a token (see Disabler); it says nothing while the token is not disabled
"""

from datetime import UTC, datetime
from typing import Any

from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.errors import Conflict, Forbidden, NotFound
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.stores.actions import update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.people.stores.directory_rows import active_person_check
from chalicelib.resources import TOKENS
from chalicelib.tokens.domain.integrations import Disabler, Integration
from chalicelib.tokens.stores.grants import list_owned
from chalicelib.tokens.stores.token_rows import grant_key
from chalicelib.tokens.stores.tokens import personal_owner

_INTEGRATION = Codec(Integration, without=("token_id", "last_used_at", "prior_until", "expires_at"))


class DynamoIntegrations:
    def list_of(self, user_id: str) -> list[Integration]:
        """List a person's personal tokens, newest first. Two store calls; one when there are none."""
        return list_owned(personal_owner(user_id), _from_row)

    def find(self, token_id: str, *, user_id: str) -> Integration | None:
        """Find a person's personal token by its key, also one that was claimed this moment. One store call."""
        row = get(TOKENS, grant_key(token_id))
        return _from_row(row) if row and row["userId"] == user_id else None

    def switch(self, token_id: str, *, active: bool, user_id: str, claim: Claim | None, reply: Row) -> None:
        """Enable or disable a person's token, on their behalf; nothing changes if it is so already.

        Only what its employee disabled is enabled. One store call.

        Raises:
            NotFound: the token is unknown, or another person's.
            Conflict: it is revoked.
            Forbidden: it would be enabled, and an administrator disabled it, or the person is not active.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        switch = update(
            TOKENS,
            grant_key(token_id),
            "SET #status = :active REMOVE disabledBy" if active else "SET #status = :disabled, disabledBy = :employee",
            "userId = :owner AND (#status = :active OR (#status = :disabled AND disabledBy = :employee))",
            owner=user_id,
            active=TokenStatus.ACTIVE.value,
            disabled=TokenStatus.DISABLED.value,
            employee=Disabler.EMPLOYEE.value,
        )
        checks = [active_person_check(user_id)] if active else []
        try:
            commit([switch, *checks], claim=claim, reply=reply, audited=True)
        except Refused as refused:
            if 0 not in refused.failed:
                raise Forbidden("The owner of this token is not an active employee.") from refused
            _refuse(refused.rows[0], active=active, user_id=user_id)


def _refuse(row: Row, *, active: bool, user_id: str) -> None:
    if not row or row["userId"] != user_id:
        raise NotFound("Integration not found.")
    if row["status"] == TokenStatus.REVOKED:
        raise Conflict("This token is revoked. The integrator can claim a new one while you are approved for it.")
    if active:
        raise Forbidden("An administrator disabled this token. Only an administrator can enable it.")


def _from_row(row: Row) -> Integration:
    return _INTEGRATION.from_row(
        row,
        token_id=row["pk"].partition("#")[2],
        last_used_at=_to_datetime(row.get("lastUsedAt")),
        prior_until=_to_datetime(row.get("priorExpiresAt")),
        expires_at=_to_datetime(row.get("expiresAt")),
    )


def _to_datetime(seconds: Any) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)
