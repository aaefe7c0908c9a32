"""Standing approvals, in the table `queue-items`: pk = <user id>, sk = STANDING#<id>.

expiresAt: when it ends, which also ends the row; usesLeft: how many proposals it still approves
"""

from collections.abc import Sequence

from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores import audit_trail, lists
from chalicelib.core.stores.actions import delete, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import query_partition
from chalicelib.core.stores.writes import try_commit
from chalicelib.resources import QUEUE_ITEMS
from chalicelib.tasks.domain.settings import QueueState
from chalicelib.tasks.domain.standing_approvals import StandingApproval, end_in_seconds

_PREFIX = "STANDING#"
_STANDING = Codec(StandingApproval, without=("standing_id", "user_id"))


class DynamoStandingApprovals:
    def list_all(self, user_id: str) -> Sequence[StandingApproval]:
        """List the person's standing approvals that have not ended, read consistently. One store call."""
        rows = query_partition(QUEUE_ITEMS, user_id, _PREFIX)
        found = [_STANDING.from_row(row, standing_id=_id_of(row), user_id=user_id) for row in rows]
        return sorted(found, key=lambda each: (each.created_at, each.standing_id))

    def add(self, standing: StandingApproval, *, seen: QueueState, claim: Claim | None, reply: Row) -> bool:
        """Store a new standing approval; False if `seen` is no longer current. One store call.

        So calls at the same time can't make more than a person can have.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        row = _key(standing.user_id, standing.standing_id) | _STANDING.to_row(standing)
        added = put_new(QUEUE_ITEMS, row | {"expiresAt": end_in_seconds(standing)})
        counted = lists.count_action(QUEUE_ITEMS, standing.user_id, seen=seen.version)
        return try_commit([added, counted], claim=claim, reply=reply, audited=True)

    def end(self, user_id: str, standing_id: str) -> bool:
        """Remove a standing approval; False if there is none. One store call."""
        ended = delete(QUEUE_ITEMS, _key(user_id, standing_id), "attribute_exists(pk)")
        return try_commit([ended], audited=True)

    def use(self, standing: StandingApproval) -> Action:
        """Return the action that uses a standing approval once, and fails if it has ended or was used since.

        The audit log will name it.
        """
        audit_trail.note(standing=standing.standing_id)
        return update(
            QUEUE_ITEMS,
            _key(standing.user_id, standing.standing_id),
            "SET usesLeft = usesLeft - :one",
            "usesLeft = :seen",
            one=1,
            seen=standing.uses_left,
        )


def _key(user_id: str, standing_id: str) -> Row:
    return {"pk": user_id, "sk": f"{_PREFIX}{standing_id}"}


def _id_of(row: Row) -> str:
    return str(row["sk"]).removeprefix(_PREFIX)
