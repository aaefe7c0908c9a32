"""A person's preferences, in the table `directory`: USER#<id> / PREFERENCES; preferences, by their names on the wire;
version; muted: how many deliveries their rules have marked as read, if any; waits: apart, since functions of earlier
releases refuse members that they don't know.

While they change anything, `preferences` is among the reasons to reach the person by a worker (see live.stores.push).
"""

from typing import Any

from chalicelib.core.domain.errors import Forbidden
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.stores.actions import EXISTS, check, update
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.stores.delivery_rows import state_update
from chalicelib.live.stores.push import mark_reach
from chalicelib.people.stores.directory_rows import person_key
from chalicelib.reach.domain.preferences import Preferences, StoredPreferences
from chalicelib.resources import DIRECTORY

_REASON = "preferences"


class DynamoPreferences:
    def find(self, user_id: str) -> StoredPreferences:
        """Find a person's preferences, which change nothing for a person who has never set any. One store call."""
        row = get(DIRECTORY, _key(user_id))
        if row is None:
            return StoredPreferences(Preferences())
        waits = {kind: int(wait) for kind, wait in row.get("waits", {}).items()}
        found = Preferences.model_validate(row["preferences"] | ({"waits": waits} if waits else {}))
        return StoredPreferences(found, int(row["version"]), int(row.get("muted", 0)))

    def save(
        self, user_id: str, preferences: Preferences, *, seen: int, claim: Claim | None, reply: dict[str, Any]
    ) -> bool:
        """Replace the preferences with the version `seen`; False if they have another one. One store call.

        Raises:
            Forbidden: the person is gone.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        wire = preferences.to_wire()
        waits = {kind: wait for kind, wait in wire.pop("waits", {}).items() if wait is not None}
        apart = ", waits = :waits" if waits else " REMOVE waits"
        stored = update(
            DIRECTORY,
            _key(user_id),
            f"SET preferences = :preferences, #version = :next{apart}",
            "#version = :seen" if seen else "attribute_not_exists(pk)",
            preferences=wire,
            **({"waits": waits} if waits else {}),
            next=seen + 1,
            **({"seen": seen} if seen else {}),
        )
        marked = mark_reach(user_id, _REASON, is_on=not preferences.are_default)
        try:
            commit([stored, marked, check(DIRECTORY, person_key(user_id), EXISTS)], claim=claim, reply=reply)
        except Refused as refused:
            if 0 in refused.failed:
                return False
            raise Forbidden("The owner of these preferences is no employee.") from refused
        return True

    def mute(self, before: Delivery, after: Delivery) -> bool:
        """Mark a delivery as read, and count it; False if its state has changed. One store call."""
        counted = update(DIRECTORY, _key(str(before.recipient_user_id)), "ADD muted :one", EXISTS, one=1)
        return try_commit([state_update(before, after), counted])


def _key(user_id: str) -> Row:
    return {"pk": f"USER#{user_id}", "sk": "PREFERENCES"}
