"""Personal grants as claims find and make them, in the table `tokens` (see there)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from chalicelib.catalog.stores.catalog import approval_check
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
from chalicelib.people.stores.directory_rows import active_person_check
from chalicelib.resources import TOKENS
from chalicelib.tokens.domain.tokens import GrantView, Minted, PersonalGrant, Terms, prior_ends
from chalicelib.tokens.stores.token_rows import grant_key, tools_key
from chalicelib.tokens.stores.tokens import new_token, personal_row

_GRANT = 2  # the grant's place among the actions of a claim


class DynamoClaims:
    def find_grants(self, grant_ids: Sequence[str], *, now: datetime) -> dict[str, GrantView]:
        """Personal grants by id, of those there are, read consistently. Store calls in sequence: 1."""
        rows = get_all(TOKENS, [grant_key(each) for each in grant_ids])
        return {row["pk"].partition("#")[2]: _view(row, now) for row in rows}

    def issue(
        self,
        grant: PersonalGrant,
        token: MintedToken,
        *,
        terms: Terms,
        approved_by: str,
        seen: GrantView | None,
        now: datetime,
        claim: Claim | None,
        reply: Row,
    ) -> bool:
        """Make `token` the grant's secret; False when approval, employee or grant are no longer as they were seen.

        A usable grant keeps its counters and, for 24 hours, the secret it had; an older one ends at once. One
        that was revoked or has expired comes back with a single secret and the counter of its day. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        try:
            commit(_issued(grant, token, terms, approved_by=approved_by, seen=seen, now=now), claim=claim, reply=reply)
        except Refused as refused:
            # A retry below us meets its own first try.
            return bool(refused.rows[_GRANT].get("secretHash") == token.secret_hash)
        return True

    def mint(
        self, grant: PersonalGrant, token: MintedToken, *, approved_by: str, seen: GrantView | None, now: datetime
    ) -> Minted:
        """Give an approved employee without a token one, unless somebody else just did. One store call."""
        try:
            commit(_issued(grant, token, Terms(), approved_by=approved_by, seen=seen, now=now))
        except Refused as refused:
            row = refused.rows[_GRANT]
            if row.get("secretHash") == token.secret_hash:
                return Minted.NOW  # a retry below us has met its own first try
            there = list(refused.failed) == [_GRANT] and row.get("status") == TokenStatus.ACTIVE
            return Minted.BEFORE if there else Minted.NEVER
        return Minted.NOW

    def take_more(self, caller: ToolsToken, deliveries: int) -> bool:
        """Take more deliveries of the running day from a tools token, if so many are left. One store call."""
        return self._move(caller, -deliveries, "dayLeft >= :deliveries", deliveries=deliveries)

    def give_back(self, caller: ToolsToken, deliveries: int, *, now: datetime) -> None:
        """Give back what was taken beyond a call's own charge, if the day has not ended. One store call."""
        self._move(caller, deliveries, "#day = :day", day=day_of(now))

    def _move(self, caller: ToolsToken, change: int, condition: str, **named: Any) -> bool:
        key, expression = tools_key(caller.token_id), "SET dayLeft = dayLeft + :change"
        return try_commit([update(TOKENS, key, expression, condition, change=change, **named)])


def _issued(
    grant: PersonalGrant, token: MintedToken, terms: Terms, *, approved_by: str, seen: GrantView | None, now: datetime
) -> list[Action]:
    row = new_token(token) | personal_row(grant, now) | _given(terms)
    write = _update(grant, token, terms, seen, now) if seen else put_new(TOKENS, row)
    return [approval_check(approved_by, grant.user_id), active_person_check(grant.user_id), write]


def _update(grant: PersonalGrant, token: MintedToken, terms: Terms, seen: GrantView, now: datetime) -> Action:
    sets: dict[str, Any] = {
        "secretHash": token.secret_hash,
        "status": TokenStatus.ACTIVE.value,
        "toolsTokenId": grant.tools_token_id,
        "toolsOwnerId": grant.tools_owner_id,
        **_given(terms),
    }
    removed = ""
    if seen.usable:
        sets |= {"priorHash": seen.secret_hash, "priorExpiresAt": int(prior_ends(now).timestamp())}
    else:
        removed = " REMOVE priorHash, priorExpiresAt, expiresAt"
    # What is left of the day grows or shrinks with the limit, and is never refilled.
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


def _given(terms: Terms) -> Row:
    ceiling = terms.severity_ceiling.value if terms.severity_ceiling else None
    given = {"dailyLimit": terms.daily_limit, "severityCeiling": ceiling, "label": terms.label}
    return {name: value for name, value in given.items() if value is not None}


def _view(row: Row, now: datetime) -> GrantView:
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
