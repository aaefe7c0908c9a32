"""A person's saved views, in the table `directory`: USER#<id> / VIEWS; views, by their names on the wire; version."""

from collections.abc import Sequence
from typing import Any

from chalicelib.core.domain.errors import Forbidden
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.stores.actions import EXISTS, check, put, put_new
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.inbox.domain.saved_views import SavedView, from_wire, to_wire
from chalicelib.people.stores.directory_rows import person_key
from chalicelib.resources import DIRECTORY


class DynamoSavedViews:
    def find(self, user_id: str) -> tuple[list[SavedView], int]:
        """Find a person's views and their version, which is 0 for a person who has never saved any. One store call."""
        row = get(DIRECTORY, _key(user_id))
        return ([from_wire(each) for each in row["views"]], int(row["version"])) if row else ([], 0)

    def save(
        self, user_id: str, views: Sequence[SavedView], *, seen: int, claim: Claim | None, reply: dict[str, Any]
    ) -> bool:
        """Replace the views with the version `seen`; False if they have another one. One store call.

        Raises:
            Forbidden: the person is gone.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        row = _key(user_id) | {"views": [to_wire(each) for each in views], "version": seen + 1}
        store = put(DIRECTORY, row, "#version = :seen", seen=seen) if seen else put_new(DIRECTORY, row)
        try:
            commit([store, check(DIRECTORY, person_key(user_id), EXISTS)], claim=claim, reply=reply)
        except Refused as refused:
            if 0 in refused.failed:
                return False
            raise Forbidden("The owner of these views is no employee.") from refused
        return True


def _key(user_id: str) -> Row:
    return {"pk": f"USER#{user_id}", "sk": "VIEWS"}
