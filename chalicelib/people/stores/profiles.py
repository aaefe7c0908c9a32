"""Profiles, in the table `directory`: USER#<id> / PROFILE.

told       the profile, by its names on the wire
version    the number of changes
"""

from typing import Any

from chalicelib.core.domain.errors import Forbidden
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.stores.actions import put, put_new
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.people.domain.directory import Visibility
from chalicelib.people.stores.directory_listing import profile_actions
from chalicelib.resources import DIRECTORY


class DynamoProfiles:
    def find_profile(self, user_id: str) -> tuple[dict[str, Any], int]:
        """Find the profile and its version, which is 0 for a person without one. One store call."""
        row = get(DIRECTORY, _key(user_id))
        return (row["told"], int(row["version"])) if row else ({}, 0)

    def save_profile(
        self,
        user_id: str,
        profile: dict[str, Any],
        *,
        over: dict[str, Any],
        seen: int,
        at: str,
        claim: Claim | None,
        reply: dict[str, Any],
    ) -> bool:
        """Replace the profile `over` with version `seen`, and its listing; False if it changed since it was read.

        One store call.

        Raises:
            Forbidden: the person is not an active employee.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        row = _key(user_id) | {"told": profile, "version": seen + 1}
        store = put(DIRECTORY, row, "#version = :seen", seen=seen) if seen else put_new(DIRECTORY, row)
        was, now = (Visibility(each.get("visibility", Visibility.CONNECTIONS)) for each in (over, profile))
        try:
            commit([store, *profile_actions(user_id, profile, was=was, now=now, at=at)], claim=claim, reply=reply)
        except Refused as refused:
            if 1 in refused.failed and 0 not in refused.failed:
                raise Forbidden("The owner of this profile is not an active employee.") from refused
            return False
        return True


def _key(user_id: str) -> Row:
    return {"pk": f"USER#{user_id}", "sk": "PROFILE"}
