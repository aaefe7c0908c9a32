"""Connections by their token, in the table `peers` (see connections)."""

from collections.abc import Iterable

from chalicelib.core.stores.reads import query_partition
from chalicelib.federation.connections.domain.connections import Connection
from chalicelib.federation.connections.stores.connection_rows import from_row, token_hash
from chalicelib.resources import PEERS


class DynamoConnectionTokens:
    def find_by_token(self, token: str) -> list[Connection]:
        """List the connections with this token, oldest first; a desk may use one for several. One store call."""
        return self.find_by_token_hash(token_hash(token))

    def find_by_token_hash(self, hashed: str) -> list[Connection]:
        """List the connections whose token has this hash, oldest first, without removed ones. One store call."""
        found = map(from_row, query_partition(PEERS, f"TOKEN#{hashed}", "CONNECTION#"))
        return oldest_first(each for each in found if not each.removed)


def oldest_first(connections: Iterable[Connection]) -> list[Connection]:
    return sorted(connections, key=lambda each: (each.created_at, each.connection_id))
