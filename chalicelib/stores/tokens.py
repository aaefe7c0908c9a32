"""The table `tokens`: one row a grant, with the hashes of its secrets and its counters.

pk = TOOLS#<token id>, PERSONAL#<grant id>, or KEY#<sha-256 of the key>
secretHash, priorHash until priorExpiresAt (epoch seconds), status, expiresAt (epoch seconds)
pk = KEYID#<key id>: hash and userId of a key, since callers know it by its id
index owner: keyOwner, createdAt; keyOwner = <user id> of a key, PERSONAL#<user id>, or TOOLS for all tools tokens
minute, minuteUsed: rate units of the running minute; day, dayLeft: deliveries left of the running UTC day
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws import dynamodb, is_transient
from chalicelib.domain.budgets import Charge, Window, day_of, minute_of, window
from chalicelib.domain.callers import ApiKey, Caller, PersonalToken, TokenStatus, ToolsToken
from chalicelib.domain.errors import Conflict, Forbidden, Inactive, NotFound, RateLimited, Unauthorized, Unavailable
from chalicelib.domain.events import Severity
from chalicelib.domain.fields import timestamp
from chalicelib.domain.idempotency import Claim
from chalicelib.domain.tokens import PRIOR_LIVES, Admission, GrantState, KeyGrant, PersonalGrant, ToolsGrant
from chalicelib.ids import MintedToken, PresentedToken, TokenKind, nonce
from chalicelib.resources import TOKENS
from chalicelib.settings import settings
from chalicelib.stores.directory import active_person
from chalicelib.stores.items import Row, from_item, to_item, values
from chalicelib.stores.reads import get_all
from chalicelib.stores.writes import Action, Refused, commit

log = logging.getLogger(__name__)

_ATTEMPTS = 10
_UNKNOWN = "Missing or invalid bearer token."
START: Row = {
    "status": TokenStatus.ACTIVE.value,
    "minute": 0,
    "minuteUsed": 0,
    "day": "",
    "dayLeft": 0,
    "useCount": 0,
}

TOOLS_OWNER = "TOOLS"


@dataclass(frozen=True)
class _Change:
    """A part of an update expression, with its part of the condition and the values of both."""

    sets: list[str]
    conditions: list[str]
    named: Row


class DynamoTokens:
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
                state = window(limit=budget, used=int(row["minuteUsed"]), minute=minute)
                return Admission(caller, state, wanted)
            _check(token, row, now)
            # Functions' clocks differ a little: a minute or a day that has begun for one has begun for all.
            minute, day = max(minute, int(row["minute"])), max(day, row["day"])
            used, left = _standing(row, minute, day)
            if used + wanted.units > budget:
                return _exhausted(_caller(token, row), window(limit=budget, used=used, minute=minute), now)
            if wanted.deliveries > left:
                wanted = Charge(wanted.units)
            met = row if (int(row["minute"]), row["day"]) != (minute, day) else None
        raise Unavailable("The token is in use by too many calls at once.")

    def refund(self, token: PresentedToken, charge: Charge, *, now: datetime) -> None:
        """Give back what was taken just now. One store call; two when the minute has ended since.

        When it fails, the budget merely ends a little early.
        """
        mark = nonce()
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
            Key=_key(token),
            UpdateExpression=f"SET {', '.join(sets)}",
            ConditionExpression=" AND ".join(conditions),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values(**named),
        )

    def add_personal(self, grant: PersonalGrant, token: MintedToken, *, now: datetime) -> None:
        """Store a new personal grant with its first secret; Conflict when there is such a grant. One store call."""
        self._add(token, personal_row(grant, now))

    def add_tools(self, grant: ToolsGrant, token: MintedToken, *, now: datetime) -> None:
        """Store a new tools token; Conflict when there is such a token. One store call."""
        self._add(
            token,
            {
                "keyOwner": TOOLS_OWNER,
                "createdAt": timestamp(now),
                "integrator": grant.integrator,
                "eventPrefix": grant.event_prefix,
                "userId": grant.owner_id,
                "admin": grant.admin,
                "dailyLimit": grant.daily_limit,
            },
        )

    def add_key(
        self,
        grant: KeyGrant,
        token: MintedToken,
        *,
        now: datetime,
        claim: Claim | None = None,
        reply: Row | None = None,
    ) -> None:
        """Store a new `dvd_` key, and where its id leads. One store call.

        Raises:
            Forbidden: its owner is no active employee.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        row = {
            "keyOwner": grant.user_id,
            "createdAt": timestamp(now),
            "keyId": grant.key_id,
            "userId": grant.user_id,
            "name": grant.name,
            "prefix": grant.prefix,
            "permissions": sorted(grant.permissions),
            "dailyLimit": 0,
        }
        if grant.expires_at:
            row["expiresAt"] = int(grant.expires_at.timestamp())
        pointer = {"pk": f"KEYID#{grant.key_id}", "hash": token.row_id, "userId": grant.user_id}
        try:
            commit(
                [
                    _put(_key(token) | to_item(START | {"secretHash": token.secret_hash} | row)),
                    _put(to_item(pointer)),
                    active_person(grant.user_id),
                ],
                claim=claim,
                reply=reply or {},
            )
        except Refused as refused:
            if 2 in refused.failed:  # noqa: PLR2004 - the person's place above
                raise Forbidden("The key's owner is not an active employee.") from refused
            raise Conflict("There is such a key already.") from refused

    def rotate(self, token: MintedToken, *, now: datetime) -> datetime:
        """Make `token` its grant's secret; the one before stays good for 24 hours, the one before that ends at once.

        Returns when the prior secret ends. Counters and all else stay. Of rotations at the same time each
        counts, in some order. One store call.

        Raises:
            NotFound: there is no such grant.
        """
        ends = int((now + PRIOR_LIVES).timestamp())
        try:
            dynamodb().update_item(
                TableName=TOKENS.physical_name,
                Key=_key(token),
                # The right-hand sides are read before anything is set, so no rotation in between is lost.
                UpdateExpression="SET priorHash = secretHash, priorExpiresAt = :ends, secretHash = :hash",
                ConditionExpression="attribute_exists(pk) AND secretHash <> :hash",
                ExpressionAttributeValues=values(ends=ends, hash=token.secret_hash),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            # With this secret in its place already, a retry below us has met its own first try.
            if not error.response.get("Item"):
                raise NotFound("No such token.") from error
        return datetime.fromtimestamp(ends, UTC)

    def find_integrator(self, tools_token_id: str) -> str | None:
        """The integrator that a tools token belongs to; None when there is no such token. One store call."""
        got = dynamodb().get_item(
            TableName=TOKENS.physical_name,
            Key=to_item({"pk": f"{TokenKind.TOOLS.name}#{tools_token_id}"}),
            ConsistentRead=True,
        )
        return str(from_item(dict(got["Item"]))["integrator"]) if "Item" in got else None

    def grant_states(self, grant_ids: Sequence[str], *, now: datetime) -> dict[str, GrantState]:
        """How those of the personal grants stand that have been issued, read consistently.

        One store call per 100, made at the same time.
        """
        seconds = int(now.timestamp())
        found = {}
        for row in get_all(TOKENS, [grant_key(each) for each in grant_ids]):
            status = TokenStatus(row["status"])
            usable = status is TokenStatus.ACTIVE and row.get("expiresAt", seconds + 1) > seconds
            found[row["pk"].partition("#")[2]] = GrantState(status, usable)
        return found

    def replace_secret(self, token: MintedToken) -> None:
        """Make `token` its grant's only secret from now on; counters and all else stay."""
        dynamodb().update_item(
            TableName=TOKENS.physical_name,
            Key=_key(token),
            UpdateExpression="SET secretHash = :hash REMOVE priorHash, priorExpiresAt",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues=values(hash=token.secret_hash),
        )

    def _add(self, token: MintedToken, row: Row) -> None:
        item = _key(token) | to_item(START | {"secretHash": token.secret_hash} | row)
        try:
            commit([_put(item)], claim=None, reply={})
        except Refused as refused:
            raise Conflict("There is such a token already.") from refused

    def _spend(self, token: PresentedToken, change: _Change, now: datetime) -> Row:
        conditions = [
            "(secretHash = :hash OR (priorHash = :hash AND priorExpiresAt > :now))",
            "#status = :active",
            "(attribute_not_exists(expiresAt) OR expiresAt > :now)",
            *change.conditions,
        ]
        named = {
            "hash": token.secret_hash,
            "active": TokenStatus.ACTIVE.value,
            "now": int(now.timestamp()),
            "one": 1,
        }
        done = dynamodb().update_item(
            TableName=TOKENS.physical_name,
            Key=_key(token),
            UpdateExpression=f"SET lastUsedAt = :now, useCount = useCount + :one, {', '.join(change.sets)}",
            ConditionExpression=" AND ".join(conditions),
            ExpressionAttributeNames={"#minute": "minute", "#day": "day", "#status": "status"},
            ExpressionAttributeValues=values(**named, **change.named),
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return from_item(dict(done["Attributes"]))


def personal_owner(user_id: str) -> str:
    """What the owner index calls the personal tokens of a person, apart from their keys."""
    return f"PERSONAL#{user_id}"


def personal_row(grant: PersonalGrant, now: datetime) -> Row:
    """A personal grant's own attributes, besides its secret and its counters."""
    return {
        "keyOwner": personal_owner(grant.user_id),
        "createdAt": timestamp(now),
        "integrator": grant.integrator,
        "eventPrefix": grant.event_prefix,
        "userId": grant.user_id,
        "toolsTokenId": grant.tools_token_id,
        "toolsOwnerId": grant.tools_owner_id,
        "dailyLimit": grant.daily_limit,
        "severityCeiling": grant.severity_ceiling.value if grant.severity_ceiling else None,
        "moderated": grant.moderated,
        "label": grant.label,
    }


def _put(item: dict[str, Any]) -> Action:
    return {"Put": {"TableName": TOKENS.physical_name, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}


def end_grant(grant_id: str, state: GrantState | None) -> Action:
    """End a personal grant with all its secrets, on the condition that it stands as it was found.

    A disabled one ends too, since enabling it would bring it back without its ground; of one that has ended, or was
    never issued, only the condition is left.
    """
    request: dict[str, Any] = {
        "TableName": TOKENS.physical_name,
        "Key": to_item(grant_key(grant_id)),
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    if state is None:
        return {"ConditionCheck": request}
    request |= {
        "ConditionExpression": "#status = :seen",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": values(seen=state.status.value),
    }
    if state.status is TokenStatus.REVOKED:
        return {"ConditionCheck": request}
    request["UpdateExpression"] = "SET #status = :revoked"
    request["ExpressionAttributeValues"] |= values(revoked=TokenStatus.REVOKED.value)
    return {"Update": request}


def grant_key(grant_id: str) -> Row:
    return {"pk": f"{TokenKind.PERSONAL.name}#{grant_id}"}


def _key(token: PresentedToken | MintedToken) -> dict[str, Any]:
    return to_item({"pk": f"{token.kind.name}#{token.row_id}"})


def _taken(charge: Charge, budget: int, minute: int, day: str) -> _Change:
    """Take from the running minute and day, as long as they are the row's and leave enough."""
    change = _Change(
        sets=["minuteUsed = minuteUsed + :units"],
        conditions=["#minute = :minute", "#day = :day", "minuteUsed <= :room"],
        named={"minute": minute, "day": day, "units": charge.units, "room": budget - charge.units},
    )
    if charge.deliveries:
        change.sets.append("dayLeft = dayLeft - :deliveries")
        change.conditions.append("dayLeft >= :deliveries")
        change.named["deliveries"] = charge.deliveries
    return change


def _begun(charge: Charge, met: Row, minute: int, day: str) -> _Change:
    """Begin a minute, a day, or both, on the row as it was met: of concurrent calls one succeeds."""
    used, left = _standing(met, minute, day)
    change = _Change(
        sets=["#minute = :minute", "minuteUsed = :used", "#day = :day", "dayLeft = :left"],
        conditions=["#minute = :metMinute", "#day = :metDay"],
        named={
            "minute": minute,
            "day": day,
            "used": used + charge.units,
            "left": left - charge.deliveries,
            "metMinute": met["minute"],
            "metDay": met["day"],
        },
    )
    for name, key, running in (("minuteUsed", "minute", minute), ("dayLeft", "day", day)):
        if met[key] == running:
            change.conditions.append(f"{name} = :met_{name}")
            change.named[f"met_{name}"] = met[name]
    return change


def _standing(row: Row, minute: int, day: str) -> tuple[int, int]:
    """Units used of the minute and deliveries left of the day, as the row stands for them."""
    used = int(row["minuteUsed"]) if row["minute"] == minute else 0
    return used, int(row["dayLeft"] if row["day"] == day else row["dailyLimit"])


def _budget(kind: TokenKind) -> int:
    match kind:
        case TokenKind.PERSONAL:
            return settings().personal_budget
        case TokenKind.TOOLS:
            return settings().tools_budget
        case TokenKind.KEY:
            return settings().key_budget


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
            return ApiKey(row["keyId"], row["userId"], frozenset(row["permissions"]))
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
