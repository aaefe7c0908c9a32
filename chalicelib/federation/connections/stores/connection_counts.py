"""The number of a person's connections, read from the rows that `connections` writes, without loading all of it."""

from chalicelib.core.stores.reads import query_partition
from chalicelib.federation.connections.domain.connections import ConnectionStatus
from chalicelib.resources import PEERS


class DynamoConnectionCounts:
    def count_active(self, user_id: str) -> int:
        """Count the active connections of a person. One store call."""
        found = query_partition(PEERS, f"USER#{user_id}", "PEER#")
        return sum(row["status"] == ConnectionStatus.ACTIVE for row in found)
