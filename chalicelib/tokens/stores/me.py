"""What is stored of one person, across the rows of their own partition in the table `directory` (see directory)."""

from chalicelib.core.stores.items import values
from chalicelib.core.stores.reads import query
from chalicelib.people.stores.directory import person_of
from chalicelib.people.stores.directory_rows import PUSH_SUBSCRIPTION
from chalicelib.resources import DIRECTORY
from chalicelib.tokens.domain.me import Known


class DynamoMe:
    def find_known(self, user_id: str) -> Known | None:
        """The person with their profile and how many of their browsers are subscribed. One store call."""
        rows = query(
            DIRECTORY,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=values(pk=f"USER#{user_id}"),
            ConsistentRead=True,
        )
        by_key = {row["sk"]: row for row in rows}
        if (person := by_key.get("USER")) is None:
            return None
        browsers = sum(1 for sk in by_key if sk.startswith(PUSH_SUBSCRIPTION))
        return Known(person_of(person), by_key.get("PROFILE", {}).get("told", {}), browsers)
