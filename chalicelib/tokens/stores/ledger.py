"""What callers spend, in the table `tokens` (see there): recognised and charged in one write."""

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
    TokenStatus,
    ToolsToken,
)
from chalicelib.core.domain.errors import Inactive, RateLimited, Unauthorized, Unavailable
from chalicelib.core.domain.severity import Severity
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.ids import InstanceCredential, PresentedToken, TokenKind, new_nonce
from chalicelib.resources import TOKENS
from chalicelib.settings import settings
from chalicelib.tokens.domain.tokens import Admission
from chalicelib.tokens.stores.token_rows import token_key

log = logging.getLogger(__name__)

_ATTEMPTS = 10
_UNKNOWN = "Missing or invalid bearer token."

_WORKS = (
    "(secretHash = :hash OR (priorHash = :hash AND priorExpiresAt > :now)) AND #status = :active"
    " AND (attribute_not_exists(expiresAt) OR expiresAt > :now)"
)
# What to set, and on which condition: for units alone, and for units and deliveries.
_UNITS = ("minuteUsed = minuteUsed + :units", "#minute = :minute AND #day = :day AND minuteUsed <= :room")
_UNITS_AND_DELIVERIES = (
    f"{_UNITS[0]}, dayLeft = dayLeft - :deliveries",
    f"{_UNITS[1]} AND dayLeft >= :deliveries",
)


@dataclass(frozen=True)
class _Change:
    """A part of an update expression, with its part of the condition and the values of both."""

    sets: str
    conditions: str
    named: Row


class DynamoLedger:
    def spend(self, token: PresentedToken, charge: Charge, *, now: datetime) -> Admission:
        """Recognise the caller and take `charge` from its budgets, both or neither.

        One store call; two when a minute or a day has begun since the last call, or when the day's
        deliveries are used up: then the units alone are taken, and the caller says so.

        Raises:
            Unauthorized: the token is unknown, or superseded for too long.
            Inactive: it is disabled, revoked or expired.
        """
        budget, minute, day = _budget(token.kind), minute_of(now), day_of(now)
        wanted = charge
        met: Row | None = None
        for _ in range(_ATTEMPTS):
            change = _taken(wanted, budget, minute, day) if met is None else _begun(wanted, met, minute, day)
            try:
                row = self._spend(token, change, now)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise
                row = _met(error)
            else:
                caller = _caller(token, row, over_daily_limit=wanted.deliveries < charge.deliveries)
                state = new_window(limit=budget, used=int(row["minuteUsed"]), minute=minute)
                return Admission(caller, state, wanted)
            _check(token, row, now)
            # Functions' clocks differ a little: a minute or a day that has begun for one has begun for all.
            minute, day = max(minute, int(row["minute"])), max(day, row["day"])
            used, left = _standing(row, minute, day)
            if used + wanted.units > budget:
                return _exhausted(_caller(token, row), new_window(limit=budget, used=used, minute=minute), now)
            if wanted.deliveries > left:
                wanted = Charge(wanted.units)
            met = row if (int(row["minute"]), row["day"]) != (minute, day) else None
        raise Unavailable("The token is in use by too many calls at once.")

    def refund(self, token: PresentedToken, charge: Charge, *, now: datetime) -> None:
        """Give back what was taken just now. One store call; two when the minute has ended since.

        When it fails, the budget merely ends a little early.
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
        # A retry below us repeats the mark, and so gives nothing twice.
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

    def _spend(self, token: PresentedToken, change: _Change, now: datetime) -> Row:
        held = " AND attribute_exists(holders)" if token.kind is InstanceCredential.INSTANCE else ""
        named = {
            "hash": token.secret_hash,
            "active": TokenStatus.ACTIVE.value,
            "now": int(now.timestamp()),
            "one": 1,
        }
        done = dynamodb().update_item(
            TableName=TOKENS.physical_name,
            Key=to_item(token_key(token)),
            UpdateExpression=f"SET lastUsedAt = :now, useCount = useCount + :one, {change.sets}",
            ConditionExpression=f"{_WORKS} AND {change.conditions}{held}",
            ExpressionAttributeNames={"#minute": "minute", "#day": "day", "#status": "status"},
            ExpressionAttributeValues=values(**named, **change.named),
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return from_item(done["Attributes"])


def _taken(charge: Charge, budget: int, minute: int, day: str) -> _Change:
    """Take from the running minute and day, as long as they are the row's and leave enough."""
    sets, conditions = _UNITS
    named: Row = {"minute": minute, "day": day, "units": charge.units, "room": budget - charge.units}
    if charge.deliveries:
        sets, conditions = _UNITS_AND_DELIVERIES
        named["deliveries"] = charge.deliveries
    return _Change(sets, conditions, named)


def _begun(charge: Charge, met: Row, minute: int, day: str) -> _Change:
    """Begin a minute, a day, or both, on the row as it was met: of concurrent calls one succeeds."""
    used, left = _standing(met, minute, day)
    sets = "#minute = :minute, minuteUsed = :used, #day = :day, dayLeft = :left"
    conditions = "#minute = :metMinute AND #day = :metDay"
    named: Row = {
        "minute": minute,
        "day": day,
        "used": used + charge.units,
        "left": left - charge.deliveries,
        "metMinute": met["minute"],
        "metDay": met["day"],
    }
    for name, key, running in (("minuteUsed", "minute", minute), ("dayLeft", "day", day)):
        if met[key] == running:
            conditions += f" AND {name} = :met_{name}"
            named[f"met_{name}"] = met[name]
    return _Change(sets, conditions, named)


def _standing(row: Row, minute: int, day: str) -> tuple[int, int]:
    """Units used of the minute and deliveries left of the day, as the row stands for them."""
    used = int(row["minuteUsed"]) if row["minute"] == minute else 0
    return used, int(row["dayLeft"] if row["day"] == day else row["dailyLimit"])


def _budget(kind: TokenKind | InstanceCredential) -> int:
    match kind:
        case TokenKind.PERSONAL:
            return settings().personal_budget
        case TokenKind.TOOLS:
            return settings().tools_budget
        case TokenKind.KEY:
            return settings().key_budget
        case InstanceCredential.PLATFORM | InstanceCredential.INSTANCE:
            return settings().platform_budget


def _met(error: ClientError) -> Row:
    item: Any = error.response.get("Item")
    if not item:
        raise Unauthorized(_UNKNOWN) from error
    return from_item(item)


def _check(token: PresentedToken, row: Row, now: datetime) -> None:
    seconds = int(now.timestamp())
    prior = row.get("priorHash") == token.secret_hash and row.get("priorExpiresAt", 0) > seconds
    if row["secretHash"] != token.secret_hash and not prior:
        raise Unauthorized(_UNKNOWN)
    # To strangers an instance that is not approved is as good as unknown.
    if token.kind is InstanceCredential.PLATFORM and row["status"] != TokenStatus.ACTIVE:
        raise Unauthorized("The instance is not approved, or has been suspended.")
    if token.kind is InstanceCredential.INSTANCE and "holders" not in row:
        raise Unauthorized(_UNKNOWN)
    if row["status"] != TokenStatus.ACTIVE:
        raise Inactive(f"The token has been {row['status']}.")
    if row.get("expiresAt", seconds + 1) <= seconds:
        raise Inactive("The token has expired.")


def _exhausted(caller: Caller, state: Window, now: datetime) -> Admission:
    wait = max(1, state.reset - int(now.timestamp()))
    refusal = RateLimited(f"The minute's budget of {state.limit} is used up.", retry_after=wait)
    return Admission(caller, state, taken=Charge(0), refused=refusal)


def _caller(token: PresentedToken, row: Row, *, over_daily_limit: bool = False) -> Caller:
    superseded = row["secretHash"] != token.secret_hash
    until = datetime.fromtimestamp(int(row["priorExpiresAt"]), UTC) if superseded else None
    match token.kind:
        case TokenKind.KEY:
            expires_at = int(row["expiresAt"]) if "expiresAt" in row else None
            return ApiKey(row["keyId"], row["userId"], frozenset(row["permissions"]), row["name"], expires_at)
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
