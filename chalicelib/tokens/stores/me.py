"""A person with their profile and subscriptions, from one partition of the table `directory` (see directory)."""

from chalicelib.core.stores.reads import query_partition
from chalicelib.people.stores.directory_rows import PUSH_SUBSCRIPTION
from chalicelib.people.stores.employees import person_from_row
from chalicelib.resources import DIRECTORY
from chalicelib.tokens.domain.me import StoredPerson


class DynamoMe:
    def find_stored_person(self, user_id: str) -> StoredPerson | None:
        """Find a person with their profile and the number of their active subscriptions. One store call."""
        rows = query_partition(DIRECTORY, f"USER#{user_id}")
        by_key = {row["sk"]: row for row in rows}
        if (person := by_key.get("USER")) is None:
            return None
        browsers = sum(1 for sk, row in by_key.items() if sk.startswith(PUSH_SUBSCRIPTION) and "state" not in row)
        return StoredPerson(person_from_row(person), by_key.get("PROFILE", {}).get("told", {}), browsers)
