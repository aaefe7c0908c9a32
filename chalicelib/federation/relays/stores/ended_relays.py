"""Relays whose time is over, in the table `relays` (see relays): each goes with its count and its id at the peer."""

from datetime import datetime

from chalicelib.core.stores import lists
from chalicelib.core.stores.actions import delete
from chalicelib.core.stores.ends import ENDS
from chalicelib.core.stores.reads import get_all, list_due
from chalicelib.core.stores.writes import try_commit
from chalicelib.federation.relays.stores.relay_rows import peer_key, relay_from_row
from chalicelib.resources import RELAYS


class DynamoEndedRelays:
    def end_due(self, *, now: datetime, limit: int) -> int:
        """Delete some of the relays that are due to end, and take them out of the counts; return how many.

        Store calls in sequence: 2, and 1 for each.
        """
        due = {(row["pk"], row["sk"]): row["dueAt"] for row in list_due(RELAYS, ENDS, now=now, limit=limit)}
        ended = 0
        for row in get_all(RELAYS, [{"pk": pk, "sk": sk} for pk, sk in due], with_ended=True) if due else []:
            relay, key = relay_from_row(row), {"pk": row["pk"], "sk": row["sk"]}
            actions = [
                delete(RELAYS, key, "dueAt = :due", due=due[row["pk"], row["sk"]]),
                lists.count_action(RELAYS, relay.user_id, taken=[relay.facets]),
            ]
            if relay.peer_relay_id is not None:
                # Two relays to which the peer gave one id share a row, which is the first one's.
                named = peer_key(relay.connection_id, relay.peer_relay_id)
                is_own = get_all(RELAYS, [named], ("relayId",))
                if is_own and is_own[0]["relayId"] == relay.relay_id:
                    actions.append(delete(RELAYS, named, "relayId = :relay", relay=relay.relay_id))
            ended += try_commit(actions)
        return ended
