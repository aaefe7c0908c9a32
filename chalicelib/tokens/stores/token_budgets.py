"""Authenticate callers and charge their budgets in one write, in the table `tokens` (see tokens)."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws import dynamodb, is_transient
from chalicelib.core.domain.budgets import Charge, Window, day_of, minute_of, new_window
from chalicelib.core.domain.callers import (
    ApiKey,
    Caller,
    InstanceKey,
    PersonalToken,
    PlatformToken,
    Session,
    TokenStatus,
    ToolsToken,
)
from chalicelib.core.domain.errors import Inactive, RateLimited, Unapproved, Unauthorized, Unavailable
from chalicelib.core.domain.severity import Severity
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.ids import CredentialKind, InstanceCredential, PresentedToken, SignInSecret, TokenKind, new_nonce
from chalicelib.resources import TOKENS
from chalicelib.settings import settings
from chalicelib.tokens.domain.sessions import hours_after
from chalicelib.tokens.domain.tokens import Admission
from chalicelib.tokens.stores.token_rows import token_key

log = logging.getLogger("fluxden")

_ATTEMPTS = 10
_UNKNOWN = "Missing or invalid bearer token."

_IS_VALID = (
    "(secretHash = :hash OR (priorHash = :hash AND priorExpiresAt > :now)) AND #status = :active"
    " AND (attribute_not_exists(expiresAt) OR expiresAt > :now)"
)
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
        taken, and the caller has `over_daily_limit`.

        Raises:
            Unauthorized: the token is unknown, or was superseded more than 24 hours ago.
        Unapproved: the token is known, but its instance is not approved.
            Inactive: the token is disabled, revoked or expired.
        """
        budget, minute, day = _budget(token.kind), minute_of(now), day_of(now)
        affordable = charge
        current: Row | None = None
        for _ in range(_ATTEMPTS):
            change = (
                _take_change(affordable, budget, minute, day)
                if current is None
                else _begin_change(affordable, current, minute, day)
            )
            try:
                row = self._spend(token, change, now, address)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise
                row = _current_row(error)
            else:
                caller = _caller(token, row, over_daily_limit=affordable.deliveries < charge.deliveries)
                state = new_window(limit=budget, used=int(row["minuteUsed"]), minute=minute)
                return Admission(caller, state, affordable)
            _check_token(token, row, now)
            # Clocks of functions differ a little. A minute or day that has begun for one has begun for all.
            minute, day = max(minute, int(row["minute"])), max(day, row["day"])
            used, left = _current_counters(row, minute, day)
            if used + affordable.units > budget:
                return _exhausted(_caller(token, row), new_window(limit=budget, used=used, minute=minute), now)
            if affordable.deliveries > left:
                affordable = Charge(affordable.units)
            current = row if (int(row["minute"]), row["day"]) != (minute, day) else None
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

    def _spend(self, token: PresentedToken, change: _Change, now: datetime, address: str | None) -> Row:
        held = " AND attribute_exists(holders)" if token.kind is InstanceCredential.INSTANCE else ""
        named = {
            "hash": token.secret_hash,
            "active": TokenStatus.ACTIVE.value,
            "now": int(now.timestamp()),
            "one": 1,
        }
        seen = ""
        if address:
            seen, named["address"] = "lastUsedFrom = :address, ", address
        if token.kind is SignInSecret.SESSION:
            held = " AND idleUntil > :now"
            if not token.stays_idle:
                seen, named["idle"] = f"{seen}idleUntil = :idle, ", hours_after(now, settings().session_idle_hours)
        done = dynamodb().update_item(
            TableName=TOKENS.physical_name,
            Key=to_item(token_key(token)),
            UpdateExpression=f"SET {seen}lastUsedAt = :now, useCount = useCount + :one, {change.sets}",
            ConditionExpression=f"{_IS_VALID} AND {change.conditions}{held}",
            ExpressionAttributeNames={"#minute": "minute", "#day": "day", "#status": "status"},
            ExpressionAttributeValues=values(**named, **change.named),
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return from_item(done["Attributes"])


def _take_change(charge: Charge, budget: int, minute: int, day: str) -> _Change:
    """Take from the running minute and day, as long as they are the row's and leave enough."""
    sets, conditions = _UNITS
    named: Row = {"minute": minute, "day": day, "units": charge.units, "room": budget - charge.units}
    if charge.deliveries:
        sets, conditions = _UNITS_AND_DELIVERIES
        named["deliveries"] = charge.deliveries
    return _Change(sets, conditions, named)


def _begin_change(charge: Charge, current: Row, minute: int, day: str) -> _Change:
    """Begin a minute, a day, or both, if the row is as it was read; one of concurrent calls succeeds."""
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
    for name, key, running in (("minuteUsed", "minute", minute), ("dayLeft", "day", day)):
        if current[key] == running:
            conditions += f" AND {name} = :seen_{name}"
            named[f"seen_{name}"] = current[name]
    return _Change(sets, conditions, named)


def _current_counters(row: Row, minute: int, day: str) -> tuple[int, int]:
    """The units used in the minute, and the deliveries left of the day."""
    used = int(row["minuteUsed"]) if row["minute"] == minute else 0
    return used, int(row["dayLeft"] if row["day"] == day else row["dailyLimit"])


def _budget(kind: CredentialKind) -> int:
    match kind:
        case TokenKind.PERSONAL:
            return settings().personal_budget
        case TokenKind.TOOLS:
            return settings().tools_budget
        case TokenKind.KEY:
            return settings().key_budget
        case SignInSecret():
            return settings().session_budget
        case InstanceCredential.PLATFORM | InstanceCredential.INSTANCE:
            return settings().platform_budget


def _current_row(error: ClientError) -> Row:
    item: Any = error.response.get("Item")
    if not item:
        raise Unauthorized(_UNKNOWN) from error
    return from_item(item)


def _check_token(token: PresentedToken, row: Row, now: datetime) -> None:
    seconds = int(now.timestamp())
    prior = row.get("priorHash") == token.secret_hash and row.get("priorExpiresAt", 0) > seconds
    if row["secretHash"] != token.secret_hash and not prior:
        raise Unauthorized(_UNKNOWN)
    # For callers an instance that is not approved is unknown.
    if token.kind is InstanceCredential.PLATFORM and row["status"] != TokenStatus.ACTIVE:
        raise Unapproved("This instance is not approved, or is suspended.")
    if token.kind is InstanceCredential.INSTANCE and "holders" not in row:
        raise Unapproved(_UNKNOWN)
    if row["status"] != TokenStatus.ACTIVE:
        raise Inactive(f"The token has been {row['status']}.")
    if token.kind is SignInSecret.SESSION and min(row["expiresAt"], row["idleUntil"]) <= seconds:
        raise Unauthorized("This session has ended. Sign in again.")
    if row.get("expiresAt", seconds + 1) <= seconds:
        raise Inactive("This token has expired.")


def _exhausted(caller: Caller, state: Window, now: datetime) -> Admission:
    wait = max(1, state.reset - int(now.timestamp()))
    refusal = RateLimited(
        f"Rate limit of {state.limit} units per minute reached. Try again in {wait} s.", retry_after=wait
    )
    return Admission(caller, state, taken=Charge(0), refused=refusal)


def _caller(token: PresentedToken, row: Row, *, over_daily_limit: bool = False) -> Caller:
    superseded = row["secretHash"] != token.secret_hash
    until = datetime.fromtimestamp(int(row["priorExpiresAt"]), UTC) if superseded else None
    match token.kind:
        case TokenKind.KEY:
            expires_at = int(row["expiresAt"]) if "expiresAt" in row else None
            return ApiKey(row["keyId"], row["userId"], frozenset(row["permissions"]), row["name"], expires_at)
        case SignInSecret():
            return Session(row["sessionId"], row["userId"], frozenset({"all"}), token_hash=token.row_id)
        case InstanceCredential.PLATFORM:
            return PlatformToken(row["instanceId"])
        case InstanceCredential.INSTANCE:
            return InstanceKey(token.row_id, frozenset(row["holders"]))
        case TokenKind.TOOLS:
            return ToolsToken(
                token.row_id,
                row["integrator"],
                row["eventPrefix"],
                row["userId"],
                row["admin"],
                until,
                over_daily_limit,
            )
        case TokenKind.PERSONAL:
            ceiling = row["severityCeiling"]
            return PersonalToken(
                grant_id=token.row_id,
                integrator=row["integrator"],
                event_prefix=row["eventPrefix"],
                user_id=row["userId"],
                tools_token_id=row["toolsTokenId"],
                tools_owner_id=row["toolsOwnerId"],
                severity_ceiling=Severity(ceiling) if ceiling else None,
                moderated=row["moderated"],
                superseded_until=until,
                over_daily_limit=over_daily_limit,
            )
