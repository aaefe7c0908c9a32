"""What push services made of a delivery's messages, in the delivery's row (see delivery_rows).

pushes: a list, oldest first: host, at; error, if the service did not take the message
"""

from collections.abc import Sequence

from chalicelib.core.domain.push_results import MOST_RESULTS, PushResult
from chalicelib.core.stores.actions import EXISTS, update
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.writes import try_commit
from chalicelib.resources import DELIVERIES


class DynamoPushResults:
    def add(self, delivery_id: str, results: Sequence[PushResult]) -> None:
        """Keep results with the delivery, unless it has as many as it may have, or is gone. One store call."""
        room = MOST_RESULTS - len(results)
        added = update(
            DELIVERIES,
            {"pk": delivery_id, "sk": "DELIVERY"},
            "SET pushes = list_append(if_not_exists(pushes, :none), :added)",
            f"{EXISTS} AND (attribute_not_exists(pushes) OR size(pushes) <= :room)",
            none=[],
            added=[_to_value(each) for each in results],
            room=room,
        )
        # Without a token, a call that the SDK repeats would add them twice.
        try_commit([added], tokened=True)


def results_of(row: Row) -> list[PushResult]:
    """Return what push services made of the messages about the row's delivery, oldest first."""
    return [PushResult(each["host"], each["at"], each.get("error")) for each in row.get("pushes", ())]


def _to_value(result: PushResult) -> Row:
    return {"host": result.host, "at": result.at} | ({"error": result.error} if result.error else {})
