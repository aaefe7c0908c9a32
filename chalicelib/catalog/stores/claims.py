"""Personal grants for claims and bulk calls, in the table `tokens` (see there)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from chalicelib.catalog.stores.catalog import DynamoCatalog
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.budgets import day_of
from chalicelib.core.domain.callers import TokenStatus, ToolsToken
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.domain.severity import Severity
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import assignments, put_new, update
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.ids import MintedToken
from chalicelib.resources import TOKENS
from chalicelib.tokens.domain.tokens import GrantTerms, GrantView, MintOutcome, PersonalGrant, prior_expiry
from chalicelib.tokens.stores.token_rows import grant_key, tools_key
from chalicelib.tokens.stores.tokens import new_token_row, personal_row

_GRANT = 2  # the index of the grant among the actions of a claim


class DynamoClaims:
    def find_grants(self, grant_ids: Sequence[str], *, now: datetime) -> dict[str, GrantView]:
        """Find personal grants by id, read consistently. Store calls in sequence: 1."""
        rows = get_all(TOKENS, [grant_key(each) for each in grant_ids])
        return {row["pk"].partition("#")[2]: _to_view(row, now) for row in rows}

    def put_claim(
        self,
        grant: PersonalGrant,
        token: MintedToken,
        *,
        terms: GrantTerms,
        approved_by: str,
        seen: GrantView | None,
        now: datetime,
        claim: Claim | None,
        reply: Row,
    ) -> bool:
        """Make `token` the secret of the grant; False if approval, employee or grant changed since they were read.

        A usable grant keeps its counters, and its previous secret for 24 hours. A revoked or expired grant gets this
        secret only, and keeps the counter of the day. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        try:
            commit(
                _claim_actions(grant, token, terms, approved_by=approved_by, seen=seen, now=now),
                claim=claim,
                reply=reply,
                audited=Subject("personalToken", grant.grant_id, grant.user_id),
            )
        except Refused as refused:
            # An earlier attempt of this call may have stored the secret.
            return bool(refused.rows[_GRANT].get("secretHash") == token.secret_hash)
        return True

    def put_first_token(
        self, grant: PersonalGrant, token: MintedToken, *, approved_by: str, seen: GrantView | None, now: datetime
    ) -> MintOutcome:
        """Give an approved employee without a token the first one, unless another call just did. One store call."""
        try:
            commit(_claim_actions(grant, token, GrantTerms(), approved_by=approved_by, seen=seen, now=now))
        except Refused as refused:
            row = refused.rows[_GRANT]
            if row.get("secretHash") == token.secret_hash:
                return MintOutcome.NOW  # an earlier attempt of this call has stored the token
            there = list(refused.failed) == [_GRANT] and row.get("status") == TokenStatus.ACTIVE
            return MintOutcome.BEFORE if there else MintOutcome.NEVER
        return MintOutcome.NOW

    def take_deliveries(self, caller: ToolsToken, deliveries: int) -> bool:
        """Take more of the day's deliveries from a tools token, if enough are left. One store call."""
        return self._add_deliveries(caller, -deliveries, "dayLeft >= :deliveries", deliveries=deliveries)

    def return_deliveries(self, caller: ToolsToken, deliveries: int, *, now: datetime) -> None:
        """Give back deliveries beyond the request's own charge, if the day has not ended. One store call."""
        self._add_deliveries(caller, deliveries, "#day = :day", day=day_of(now))

    def _add_deliveries(self, caller: ToolsToken, change: int, condition: str, **named: Any) -> bool:
        key, expression = tools_key(caller.token_id), "SET dayLeft = dayLeft + :change"
        return try_commit([update(TOKENS, key, expression, condition, change=change, **named)])


def _claim_actions(
    grant: PersonalGrant,
    token: MintedToken,
    terms: GrantTerms,
    *,
    approved_by: str,
    seen: GrantView | None,
    now: datetime,
) -> list[Action]:
    row = new_token_row(token) | personal_row(grant, now) | _terms_row(terms)
    write = _update(grant, token, terms, seen, now) if seen else put_new(TOKENS, row)
    return [*DynamoCatalog().require_access(approved_by, grant.user_id), write]


def _update(grant: PersonalGrant, token: MintedToken, terms: GrantTerms, seen: GrantView, now: datetime) -> Action:
    sets: dict[str, Any] = {
        "secretHash": token.secret_hash,
        "status": TokenStatus.ACTIVE.value,
        "toolsTokenId": grant.tools_token_id,
        "toolsOwnerId": grant.tools_owner_id,
        **_terms_row(terms),
    }
    removed = ""
    if seen.usable:
        sets |= {"priorHash": seen.secret_hash, "priorExpiresAt": int(prior_expiry(now).timestamp())}
    else:
        removed = " REMOVE priorHash, priorExpiresAt, expiresAt"
    # The rest of the day's deliveries changes by as much as the limit does.
    more = terms.daily_limit - seen.daily_limit if terms.daily_limit is not None else 0
    return update(
        TOKENS,
        grant_key(grant.grant_id),
        f"SET {assignments(sets)}, dayLeft = dayLeft + :more{removed}",
        "#secretHash = :seenHash AND #status = :seenStatus",
        **sets,
        more=more,
        seenHash=seen.secret_hash,
        seenStatus=seen.status.value,
    )


def _terms_row(terms: GrantTerms) -> Row:
    ceiling = terms.severity_ceiling.value if terms.severity_ceiling else None
    given = {"dailyLimit": terms.daily_limit, "severityCeiling": ceiling, "label": terms.label}
    return {name: value for name, value in given.items() if value is not None}


def _to_view(row: Row, now: datetime) -> GrantView:
    status, seconds = TokenStatus(row["status"]), int(now.timestamp())
    prior, ceiling = row.get("priorExpiresAt"), row["severityCeiling"]
    return GrantView(
        status=status,
        usable=status is TokenStatus.ACTIVE and row.get("expiresAt", seconds + 1) > seconds,
        secret_hash=row["secretHash"],
        prior_until=datetime.fromtimestamp(int(prior), UTC) if prior is not None else None,
        daily_limit=int(row["dailyLimit"]),
        severity_ceiling=Severity(ceiling) if ceiling else None,
    )
