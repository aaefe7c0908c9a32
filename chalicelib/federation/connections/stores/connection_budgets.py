"""The budgets of connections' tokens, in the table `peers`: TOKEN#<SHA-256> / BUDGET, with minute and minuteUsed.

The row is created with the connection, so a token without a connection has none, and trying one writes nothing.
"""

from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws import dynamodb
from chalicelib.core.domain.budgets import SpendResult, minute_of, new_window
from chalicelib.core.domain.errors import Unavailable
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import delete, update
from chalicelib.core.stores.items import Row, from_item
from chalicelib.resources import PEERS
from chalicelib.settings import settings

_ATTEMPTS = 10


class DynamoConnectionBudgets:
    def spend(self, hashed: str, *, now: datetime) -> SpendResult | None:
        """Charge a request to the token with this hash; None if no connection has it.

        One store call; two for the first request of a minute.
        """
        budget, minute = settings().connection_budget, minute_of(now)
        sets, condition, seen = "minuteUsed = minuteUsed + :one", "#minute = :minute AND minuteUsed < :budget", minute
        for _ in range(_ATTEMPTS):
            done, row = _update(hashed, sets, condition, minute=minute, budget=budget, one=1, seen=seen)
            if not row:
                return None
            if done:
                return SpendResult(new_window(limit=budget, used=int(row["minuteUsed"]), minute=minute), taken=True)
            # The clocks of functions differ a little. A minute that one of them has begun counts for all.
            seen, minute = int(row["minute"]), max(minute, int(row["minute"]))
            if seen == minute and int(row["minuteUsed"]) >= budget:
                return SpendResult(new_window(limit=budget, used=budget, minute=minute), taken=False)
            sets, condition = "minuteUsed = minuteUsed + :one", "#minute = :minute AND minuteUsed < :budget"
            if seen != minute:
                sets, condition = "#minute = :minute, minuteUsed = :one", "#minute = :seen"
        raise Unavailable("The token is used by too many requests at once. Try again.")


def add_budget_action(hashed: str) -> Action:
    """Return the action that gives a token a budget, unless it has one."""
    sets = "SET #minute = if_not_exists(#minute, :no), minuteUsed = if_not_exists(minuteUsed, :no)"
    return update(PEERS, _key(hashed), sets, no=0)


def delete_budget_action(hashed: str) -> Action:
    """Return the action that deletes the budget of a token."""
    return delete(PEERS, _key(hashed))


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
