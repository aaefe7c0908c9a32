"""The names of a person's groups, read from the rows that `groups` writes, without loading all of it."""

from chalicelib.core.stores.reads import get_all, query_partition
from chalicelib.resources import DIRECTORY

_GROUP = "GROUP#"


class DynamoGroupNames:
    def list_of(self, user_id: str) -> list[str]:
        """List the names of the groups that a person is in. Two store calls; one if there are none."""
        ids = [row["sk"].removeprefix(_GROUP) for row in query_partition(DIRECTORY, f"USER#{user_id}", _GROUP)]
        return sorted(row["name"] for row in get_all(DIRECTORY, [{"pk": "GROUPS", "sk": each} for each in ids]))
