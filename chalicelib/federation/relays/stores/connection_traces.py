"""What the tables `relays` and `outbox` keep for a connection, beside the relays themselves."""

from datetime import datetime

from chalicelib.core.stores.actions import delete
from chalicelib.core.stores.reads import query_partition
from chalicelib.core.stores.writes import commit
from chalicelib.federation.connections.domain.connections import Connection
from chalicelib.federation.relays.domain.outbox import REMOVED, SendOutcome
from chalicelib.federation.relays.stores.outbox import DynamoOutbox
from chalicelib.federation.relays.stores.outgoing import DynamoOutgoing
from chalicelib.resources import RELAYS

# A transaction has at most a hundred actions.
_AT_ONCE = 50


class DynamoConnectionTraces:
    def delete_of(self, connection: Connection, *, now: datetime) -> None:
        """End what waits to be sent over the connection, and forget the peer's ids and signatures.

        The relays stay, and say why they were not sent. Repeats do no harm. Store calls: 2 per megabyte, 2 for each
        relay that waits, and 1 for 50 ids.
        """
        outgoing = DynamoOutgoing()
        for sending in DynamoOutbox().list_waiting_over(connection.peer_url, connection.connection_id):
            relay = outgoing.find(sending.user_id or connection.user_id, sending.item_id)
            outgoing.settle(sending, relay, SendOutcome.EXPIRED, peer_relay_id=None, error=REMOVED, now=now)
        names = [
            {"pk": row["pk"], "sk": row["sk"]}
            for row in query_partition(RELAYS, f"CONNECTION#{connection.connection_id}", "PEER#")
        ]
        for start in range(0, len(names), _AT_ONCE):
            commit([delete(RELAYS, key) for key in names[start : start + _AT_ONCE]])
