"""Authenticate callers and charge their budgets in one write, in the table `tokens` (see tokens)."""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws import dynamodb, is_transient
from chalicelib.core.domain.bounds import CALLS
from chalicelib.core.domain.budgets import Charge, Window, day_of, minute_of, new_window
from chalicelib.core.domain.callers import Caller, TokenStatus
from chalicelib.core.domain.errors import RateLimited, Unavailable
from chalicelib.core.ports import Action
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.ids import (
    CredentialKind,
    InstanceCredential,
    PathSecret,
    PresentedToken,
    SignInSecret,
    TokenKind,
    new_nonce,
)
from chalicelib.resources import TOKENS
from chalicelib.settings import settings
from chalicelib.tokens.domain.sessions import hours_after
from chalicelib.tokens.domain.tokens import Admission
from chalicelib.tokens.stores.person_budgets import draw_action, person_budget, share_of
from chalicelib.tokens.stores.token_callers import check_token, to_caller
from chalicelib.tokens.stores.token_rows import token_key

log = logging.getLogger("fluxden")

_ATTEMPTS = 10
_TOGETHER = " for all your API keys together"

_HAS_SECRET = "(secretHash = :hash OR (priorHash = :hash AND priorExpiresAt > :now)) AND "
_IS_ACTIVE = "#status = :active AND (attribute_not_exists(expiresAt) OR expiresAt > :now)"
# The update and its condition: for units alone, and for units and deliveries.
_UNITS = ("minuteUsed = minuteUsed + :units", "#minute = :minute AND #day = :day AND minuteUsed <= :room")
_UNITS_AND_DELIVERIES = (
    f"{_UNITS[0]}, dayLeft = dayLeft - :deliveries",
    f"{_UNITS[1]} AND dayLeft >= :deliveries",
)


@dataclass(frozen=True)
class _Change:
    """A part of an update expression, with its condition and the values of both."""

    sets: str
    conditions: str
    named: Row


class _NotTakenError(Exception):
    """The token's row does not allow the charge. It is empty if there is none."""

    def __init__(self, row: Row) -> None:
        super().__init__("not taken")
        self.row = row


class _PersonShortError(Exception):
    """The person's keys have drawn so much of the minute that the share is not left."""

    def __init__(self, drawn: int) -> None:
        super().__init__("not drawn")
        self.drawn = drawn


class DynamoTokenBudgets:
    def spend(
        self,
        token: PresentedToken,
        charge: Charge,
        *,
        now: datetime,
        address: str | None = None,
        is_accepted: bool = True,  # noqa: ARG002 - concerns the guard before this
    ) -> Admission:
        """Authenticate the caller and take `charge` from its budgets, both or neither.

        `address` is the network address that the call comes from. It is shown to the owner of the token.

        One store call; two in a new minute or day, or when the day's deliveries are used up. Then only units are
        taken, and the caller has `over_daily_limit`. A key also takes two for each share of its person's minute, which
        is a fiftieth: one call in twelve.

        Raises:
            Unauthorized: the token is unknown, or was superseded more than 24 hours ago.
            Unapproved: the token is known, but its instance is not approved.
            Inactive: the token is disabled, revoked or expired.
        """
        budget, minute, day = _budget(token.kind), minute_of(now), day_of(now)
        affordable, is_key = charge, token.kind is TokenKind.KEY
        shared = person_budget(budget)
        share = max(share_of(shared), charge.units)
        current: Row | None = None
        for _ in range(_ATTEMPTS):
            draw = None
            if current is None:
                change = _take_change(affordable, budget, minute, day, is_key=is_key)
            else:
                share = min(share, budget - _current_counters(current, minute, day)[0])
                change = _begin_change(affordable, current, minute, day, share if is_key else None)
                draw = draw_action(current["userId"], minute, share, shared) if is_key else None
            try:
                row = _write(_request(token, change, now, address), draw, current)
            except _NotTakenError as found:
                row = found.row
            except _PersonShortError as short:
                share = shared - short.drawn
                if share < affordable.units:
                    assert current is not None
                    CALLS.note_met(current["userId"])
                    return _exhausted(
                        to_caller(token, current), new_window(limit=shared, used=shared, minute=minute), now, _TOGETHER
                    )
                continue
            else:
                caller = to_caller(token, row, over_daily_limit=affordable.deliveries < charge.deliveries)
                spent = int(change.named["used"] if "used" in change.named else row["minuteUsed"])
                return Admission(caller, new_window(limit=budget, used=spent, minute=minute), affordable)
            check_token(token, row, now)
            # Clocks of functions differ a little. A minute or day that has begun for one has begun for all.
            minute, day = max(minute, int(row["minute"])), max(day, row["day"])
            used, left = _current_counters(row, minute, day)
            if used + affordable.units > budget:
                return _exhausted(to_caller(token, row), new_window(limit=budget, used=used, minute=minute), now)
            if affordable.deliveries > left:
                affordable = Charge(affordable.units)
            current = row if _begins(row, minute, day, affordable, is_key=is_key) else None
        raise Unavailable("Too many calls are using this token. Try again.")

    def refund(self, token: PresentedToken, charge: Charge, *, now: datetime) -> None:
        """Give back a charge. One store call; two when the minute has ended since.

        If a store fails, the budget ends a little earlier, and nothing is raised.
        """
        mark = new_nonce()
        for units in dict.fromkeys((charge.units, 0)):
            try:
                self._give_back(token, Charge(units, charge.deliveries), mark, now)
            except ClientError as error:
                if is_transient(error):
                    log.warning("refund lost: %d units, %d deliveries", charge.units, charge.deliveries)
                elif error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise
                elif charge.deliveries:
                    continue
            return

    def _give_back(self, token: PresentedToken, charge: Charge, mark: str, now: datetime) -> None:
        sets = ["lastRefund = :mark", "dayLeft = dayLeft + :deliveries"]
        # A retry by botocore repeats the mark, so nothing is given back twice.
        conditions = ["#day = :day", "(attribute_not_exists(lastRefund) OR lastRefund <> :mark)"]
        names, named = {"#day": "day"}, {"mark": mark, "deliveries": charge.deliveries, "day": day_of(now)}
        if charge.units:
            sets.append("minuteUsed = minuteUsed - :units")
            conditions.append("#minute = :minute")
            names["#minute"] = "minute"
            named |= {"units": charge.units, "minute": minute_of(now)}
        dynamodb().update_item(
            TableName=TOKENS.physical_name,
            Key=to_item(token_key(token)),
            UpdateExpression=f"SET {', '.join(sets)}",
            ConditionExpression=" AND ".join(conditions),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values(**named),
        )


def _write(request: Any, draw: Action | None, current: Row | None) -> Row:
    """Charge a token, and its person where something is drawn. Returns the row, which is `current` without the change
    after a transaction.

    Raises:
        _NotTakenError, _PersonShortError: nothing was written.
    """
    try:
        if draw is None:
            return from_item(dynamodb().update_item(**request, ReturnValues="ALL_NEW")["Attributes"])
        commit([{"Update": request}, draw])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        response: Any = error.response
        raise _NotTakenError(from_item(response.get("Item") or {})) from error
    except Refused as refused:
        if 0 in refused.failed:
            raise _NotTakenError(refused.rows[0]) from refused
        raise _PersonShortError(int(refused.rows[1]["drawn"])) from refused
    assert current is not None
    return current


def _request(token: PresentedToken, change: _Change, now: datetime, address: str | None) -> Any:
    """Return the update that authenticates and charges, alone or as the member of a transaction."""
    held = " AND attribute_exists(holders)" if token.kind is InstanceCredential.INSTANCE else ""
    named: Row = {"active": TokenStatus.ACTIVE.value, "now": int(now.timestamp()), "one": 1}
    seen = has_secret = ""
    if not token.is_vouched:
        has_secret, named["hash"] = _HAS_SECRET, token.secret_hash
    if address:
        seen, named["address"] = "lastUsedFrom = :address, ", address
    if token.kind is SignInSecret.SESSION:
        held = " AND idleUntil > :now"
        if not token.stays_idle:
            seen, named["idle"] = f"{seen}idleUntil = :idle, ", hours_after(now, settings().session_idle_hours)
    return {
        "TableName": TOKENS.physical_name,
        "Key": to_item(token_key(token)),
        "UpdateExpression": f"SET {seen}lastUsedAt = :now, useCount = useCount + :one, {change.sets}",
        "ConditionExpression": f"{has_secret}{_IS_ACTIVE} AND {change.conditions}{held}",
        "ExpressionAttributeNames": {"#minute": "minute", "#day": "day", "#status": "status"},
        "ExpressionAttributeValues": values(**named, **change.named),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _take_change(charge: Charge, budget: int, minute: int, day: str, *, is_key: bool) -> _Change:
    """Take from the running minute and day, as long as they are the row's and leave enough."""
    sets, conditions = _UNITS
    named: Row = {"minute": minute, "day": day, "units": charge.units, "room": budget - charge.units}
    if charge.deliveries:
        sets, conditions = _UNITS_AND_DELIVERIES
        named["deliveries"] = charge.deliveries
    if is_key:
        sets += ", minuteLeft = minuteLeft - :units"
        conditions += " AND minuteLeft >= :units"
    return _Change(sets, conditions, named)


def _begin_change(charge: Charge, current: Row, minute: int, day: str, share: int | None) -> _Change:
    """Begin a minute, a day, or both, if the row is as it was read; one of concurrent calls succeeds.

    A key also gets a `share` of its person's minute.
    """
    used, left = _current_counters(current, minute, day)
    sets = "#minute = :minute, minuteUsed = :used, #day = :day, dayLeft = :left"
    conditions = "#minute = :seenMinute AND #day = :seenDay"
    named: Row = {
        "minute": minute,
        "day": day,
        "used": used + charge.units,
        "left": left - charge.deliveries,
        "seenMinute": current["minute"],
        "seenDay": current["day"],
    }
    if share is not None:
        sets += ", minuteLeft = :share"
        named["share"] = _share_left(current, minute) + share - charge.units
    for name, key, running in (("minuteUsed", "minute", minute), ("dayLeft", "day", day)):
        if current[key] == running:
            conditions += f" AND {name} = :seen_{name}"
            named[f"seen_{name}"] = current[name]
    return _Change(sets, conditions, named)


def _current_counters(row: Row, minute: int, day: str) -> tuple[int, int]:
    """The units used in the minute, and the deliveries left of the day."""
    used = int(row["minuteUsed"]) if row["minute"] == minute else 0
    return used, int(row["dayLeft"] if row["day"] == day else row["dailyLimit"])


def _begins(row: Row, minute: int, day: str, charge: Charge, *, is_key: bool) -> bool:
    """Whether a minute or a day begins, or a key needs another share."""
    has_share = not is_key or _share_left(row, minute) >= charge.units
    return (int(row["minute"]), row["day"]) != (minute, day) or not has_share


def _share_left(row: Row, minute: int) -> int:
    """The calls left of what a key has drawn from its person's minute."""
    return int(row.get("minuteLeft", 0)) if row["minute"] == minute else 0


def _budget(kind: CredentialKind) -> int:
    match kind:
        case TokenKind.PERSONAL:
            return settings().personal_budget
        case TokenKind.TOOLS:
            return settings().tools_budget
        case TokenKind.SCIM:
            return settings().scim_budget
        case TokenKind.KEY:
            return settings().key_budget
        case SignInSecret():
            return settings().session_budget
        case InstanceCredential.PLATFORM | InstanceCredential.INSTANCE:
            return settings().platform_budget
        case PathSecret():
            raise ValueError("The secret of an address has no budget of its own.")


def _exhausted(caller: Caller, state: Window, now: datetime, whose: str = "") -> Admission:
    wait = max(1, state.reset - int(now.timestamp()))
    detail = f"Rate limit of {state.limit} units per minute{whose} reached. Try again in {wait} s."
    return Admission(caller, state, taken=Charge(0), refused=RateLimited(detail, retry_after=wait))
