"""Delegations, in the table `queue-items`: pk = <user id>, sk = DELEGATION#<id>, once for each of the two people.

partnerId: the other one; expiresAt: when it ends, which also ends the rows
dueQueue = PROPOSALS, dueAt: when it ends, in the delegator's row, for the schedule that tells both (see approvals)
"""

from collections.abc import Iterable, Mapping, Sequence

from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores import lists
from chalicelib.core.stores.actions import EXISTS, check, delete, put_new
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all, query_partition
from chalicelib.core.stores.writes import try_commit
from chalicelib.resources import QUEUE_ITEMS
from chalicelib.tasks.domain.delegations import Delegation, Delegations
from chalicelib.tasks.domain.queue import Item
from chalicelib.tasks.stores.queue import PROPOSALS, item_from_row, item_key

_PREFIX = "DELEGATION#"
_DELEGATION = Codec(Delegation, without=("delegation_id",))


class DynamoDelegations:
    def list_all(self, user_id: str) -> Delegations:
        """List the person's delegations that have not ended, read consistently. One store call."""
        rows = query_partition(QUEUE_ITEMS, user_id, _PREFIX)
        return Delegations.of(user_id, [delegation_from_row(row) for row in rows])

    def find_versions(self, user_ids: Iterable[str]) -> dict[str, int]:
        """Find how often the rows of each person were counted, for `add`. One store call."""
        keys = [{"pk": each, "sk": lists.COUNTS} for each in user_ids]
        versions = {each["pk"]: 0 for each in keys}
        return versions | {row["pk"]: int(row.get("version", 0)) for row in get_all(QUEUE_ITEMS, keys)}

    def add(self, delegation: Delegation, *, seen: Mapping[str, int], claim: Claim | None, reply: Row) -> bool:
        """Store a new delegation; False if rows of one of the two were counted since `seen`. One store call.

        So calls at the same time can't make more than a person can have.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        known = _DELEGATION.to_row(delegation)
        expires = int(parse_timestamp(delegation.until).timestamp())
        due = {"dueQueue": PROPOSALS, "dueAt": delegation.until}
        rows = [
            _key(each, delegation)
            | known
            | {"partnerId": delegation.partner_of(each), "expiresAt": expires}
            | (due if each == delegation.delegator_id else {})
            for each in (delegation.delegator_id, delegation.delegate_id)
        ]
        added = [put_new(QUEUE_ITEMS, row) for row in rows]
        counted = [lists.count_action(QUEUE_ITEMS, each, seen=version) for each, version in seen.items()]
        return try_commit([*added, *counted], claim=claim, reply=reply, audited=True)

    def end(self, delegation: Delegation) -> bool:
        """Remove a delegation; False if it is gone. One store call."""
        both = (delegation.delegator_id, delegation.delegate_id)
        return try_commit([delete(QUEUE_ITEMS, _key(each, delegation), EXISTS) for each in both], audited=True)

    def remove_expired(self, delegation: Delegation) -> bool:
        """Remove a delegation that is over; False if somebody else has, or the store itself. One store call."""
        first, second = (_key(each, delegation) for each in (delegation.delegator_id, delegation.delegate_id))
        return try_commit([delete(QUEUE_ITEMS, first, EXISTS), delete(QUEUE_ITEMS, second)], tokened=True)

    def require(self, delegation: Delegation) -> Action:
        """Return the action that fails if the delegation has ended, by the row that the delegate reads."""
        return check(QUEUE_ITEMS, _key(delegation.delegate_id, delegation), EXISTS)

    def find_items(self, item_ids: Mapping[str, Sequence[str]]) -> list[Item]:
        """Find items that are not rejected by their people's ids, read consistently. One store call per hundred."""
        keys = [item_key(user_id, each) for user_id, ids in item_ids.items() for each in ids]
        found = [item_from_row(row) for row in get_all(QUEUE_ITEMS, keys)] if keys else []
        return [each for each in found if each]


def is_delegation_row(row: Row) -> bool:
    return str(row["sk"]).startswith(_PREFIX)


def delegation_from_row(row: Row) -> Delegation:
    return _DELEGATION.from_row(row, delegation_id=_id_of(row))


def _key(user_id: str, delegation: Delegation) -> Row:
    return {"pk": user_id, "sk": f"{_PREFIX}{delegation.delegation_id}"}


def _id_of(row: Row) -> str:
    return str(row["sk"]).removeprefix(_PREFIX)
