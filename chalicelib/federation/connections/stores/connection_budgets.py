"""What connections' tokens spend, in the table `peers`: TOKEN#<SHA-256> / BUDGET, with minute and minuteUsed.

The row is made with the connection, so that tokens which nobody knows have none, and leave nothing behind.
"""

from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws import dynamodb
from chalicelib.core.domain.budgets import SpendResult, minute_of, new_window
from chalicelib.core.domain.errors import Unavailable
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import update
from chalicelib.core.stores.items import Row, from_item
from chalicelib.resources import PEERS
from chalicelib.settings import settings

_ATTEMPTS = 10


class DynamoConnectionBudgets:
    def spend(self, hashed: str, *, now: datetime) -> SpendResult | None:
        """Take a unit from the minute of the token with this hash; None when nobody knows it.

        One store call; two when a minute has begun since the last.
        """
        budget, minute = settings().connection_budget, minute_of(now)
        sets, condition, seen = "minuteUsed = minuteUsed + :one", "#minute = :minute AND minuteUsed < :budget", minute
        for _ in range(_ATTEMPTS):
            done, row = _update(hashed, sets, condition, minute=minute, budget=budget, one=1, seen=seen)
            if not row:
                return None
            if done:
                return SpendResult(new_window(limit=budget, used=int(row["minuteUsed"]), minute=minute), taken=True)
            # Functions' clocks differ a little: a minute that has begun for one has begun for all.
            seen, minute = int(row["minute"]), max(minute, int(row["minute"]))
            if seen == minute and int(row["minuteUsed"]) >= budget:
                return SpendResult(new_window(limit=budget, used=budget, minute=minute), taken=False)
            sets, condition = "minuteUsed = minuteUsed + :one", "#minute = :minute AND minuteUsed < :budget"
            if seen != minute:
                sets, condition = "#minute = :minute, minuteUsed = :one", "#minute = :seen"
        raise Unavailable("The token is in use by too many calls at once.")


def added_budget(hashed: str) -> Action:
    """The part of a transaction that gives a token a budget; one that it has already stays."""
    sets = "SET #minute = if_not_exists(#minute, :no), minuteUsed = if_not_exists(minuteUsed, :no)"
    return update(PEERS, _key(hashed), sets, no=0)


def _update(hashed: str, sets: str, condition: str, **named: int) -> tuple[bool, Row]:
    used = {name: value for name, value in named.items() if f":{name}" in f"{sets} {condition}"}
    request = update(PEERS, _key(hashed), f"SET {sets}", condition, **used)["Update"]
    try:
        done = dynamodb().update_item(**request, ReturnValues="ALL_NEW")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        response: dict[str, Any] = dict(error.response)
        return False, from_item(response.get("Item") or {})
    return True, from_item(dict(done["Attributes"]))


def _key(hashed: str) -> Row:
    return {"pk": f"TOKEN#{hashed}", "sk": "BUDGET"}
