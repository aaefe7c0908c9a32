"""Memberships of this desk at hubs, in the table `network`.

MEMBERSHIPS / <hub's URL>      name, status, keyHash, joins; sealedKey: the key this desk registers with, created before
                               the first request; instanceId, sealedToken, joinedAt: from the hub's answer; outcomes of
                               heartbeats; dueQueue, dueAt: when the next is due
HUBS / <own id at the hub>     sealedKey: the same key, found by the id in the hub's challenge; hubUrl

While this desk is a member, its key is an instance key here (see instance_credentials), which authenticates the hub.
"""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import NEW, assignments, delete, put, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get, list_due, query_partition
from chalicelib.core.stores.writes import change_row, try_commit
from chalicelib.federation.network.domain.instances import hash_of
from chalicelib.federation.network.domain.membership import (
    HeartbeatOutcome,
    Membership,
    MembershipStatus,
    RegistrationAnswer,
)
from chalicelib.federation.network.stores.instance_credentials import accept_key_action
from chalicelib.resources import NETWORK
from chalicelib.vault import seal, unseal

_MEMBERSHIPS, _HUBS, _QUEUE = "MEMBERSHIPS", "HUBS", "hub-heartbeats"
_MEMBERSHIP = Codec(Membership, {"next_heartbeat_at": "dueAt"}, without=("hub_url",))


class DynamoHubs:
    def find_key(self, instance_id: str) -> tuple[str, str] | None:
        """Find the URL of the hub where this desk has this id, and the key it registered with. One store call.

        Raises:
            ValueError: it was sealed with another deployment's key.
        """
        row = get(NETWORK, hub_key(instance_id))
        return (row["hubUrl"], unseal(row["sealedKey"], place=place_of(instance_id))) if row else None

    def list_memberships(self) -> list[Membership]:
        """List the memberships of this desk by URL, read consistently. One store call."""
        return list(map(_from_row, query_partition(NETWORK, _MEMBERSHIPS)))

    def prepare(self, hub_url: str, name: str, key: str) -> tuple[Membership, str]:
        """Return the membership, and the key to register with: `key`, or the one of an earlier attempt.

        It is stored before the request, so the key stays the same if the answer is lost. One store call; two more if
        there is a key already.

        Raises:
            ValueError: this deployment has no key to seal it with, or it was sealed with another deployment's key.
        """
        made = Membership(hub_url, name, MembershipStatus.JOINING, hash_of(key))
        row = _key(hub_url) | {
            "name": name,
            "status": made.status.value,
            "keyHash": made.key_hash,
            "sealedKey": seal(key, place=_place(hub_url, "KEY")),
            "joins": 0,
        }
        if try_commit([put_new(NETWORK, row)]):
            return made, key
        found = change_row(update(NETWORK, _key(hub_url), "SET #name = :name", name=name))
        assert found is not None, "an update without a condition"
        return _from_row(found), unseal(found["sealedKey"], place=_place(hub_url, "KEY"))

    def join(self, membership: Membership, key: str, answer: RegistrationAnswer, *, now: datetime) -> bool:
        """Store the hub's answer to a registration, and accept its events from now on.

        Returns False if the membership has changed since, or another hub gave this desk the same id. The first
        heartbeat is due at once. One store call.
        """
        sets = {
            "status": answer.membership_status.value,
            "instanceId": answer.instance_id,
            "sealedToken": seal(answer.platform_token, place=_place(membership.hub_url, "TOKEN")),
            "joinedAt": timestamp(now),
            "failures": 0,
            "joins": membership.joins + 1,
            "dueQueue": _QUEUE,
            "dueAt": timestamp(now),
        }
        proof = hub_key(answer.instance_id) | {
            "sealedKey": seal(key, place=place_of(answer.instance_id)),
            "hubUrl": membership.hub_url,
        }
        actions = [
            _change(membership, sets, "REMOVE lastError, lastFailureAt"),
            # Otherwise a hub could take the place of another by giving the same id.
            put(NETWORK, proof, f"{NEW} OR hubUrl = :hub", hub=membership.hub_url),
            accept_key_action(membership.key_hash, membership.hub_url, holds=True),
        ]
        if membership.instance_id not in (None, answer.instance_id):
            actions.append(delete(NETWORK, hub_key(membership.instance_id)))
        return try_commit(actions)

    def leave(self, membership: Membership) -> bool:
        """Stop the heartbeats, and accept the hub's events no more; False if the membership has changed since.

        The key is kept, since a later join needs it. One store call.
        """
        sets: Row = {"status": MembershipStatus.LEFT.value, "joins": membership.joins + 1}
        actions = [
            _change(membership, sets, "REMOVE dueQueue, dueAt, sealedToken"),
            accept_key_action(membership.key_hash, membership.hub_url, holds=False),
        ]
        if membership.instance_id:
            actions.append(delete(NETWORK, hub_key(membership.instance_id)))
        return try_commit(actions)

    def list_due(self, *, now: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """List some of the hubs whose heartbeat is due, each with its due time. One store call."""
        rows = list_due(NETWORK, _QUEUE, now=now, limit=limit)
        return [(row["sk"], row["dueAt"]) for row in rows]

    def take(self, hub_url: str, due_at: str, *, until: datetime) -> tuple[Membership, str] | None:
        """Take a due heartbeat; return the membership and its sealed token, or None if another run has it.

        If this run never records an outcome, the next heartbeat is due at `until`. One store call.
        """
        times = {"until": timestamp(until), "due": due_at}
        row = change_row(update(NETWORK, _key(hub_url), "SET dueAt = :until", "dueAt = :due", **times))
        return (_from_row(row), row["sealedToken"]) if row else None

    def token_of(self, membership: Membership, sealed: str) -> str:
        """Return the token in clear.

        Raises:
            ValueError: it was sealed with another deployment's key, or none is set.
        """
        return unseal(sealed, place=_place(membership.hub_url, "TOKEN"))

    def record(self, membership: Membership, outcome: HeartbeatOutcome, *, now: datetime) -> None:
        """Record the outcome of a heartbeat, unless this desk has joined again or left since. One store call."""
        sets: Row = {"status": outcome.status.value, "dueAt": timestamp(outcome.next_at)}
        removed = ""
        if outcome.error is not None:
            sets |= {"failures": membership.failures + 1, "lastError": outcome.error, "lastFailureAt": timestamp(now)}
        elif outcome.status is MembershipStatus.ACTIVE:
            sets |= {"failures": 0, "lastSuccessAt": timestamp(now)}
            removed = "REMOVE lastError"
        if outcome.token is not None:
            sets["sealedToken"] = seal(outcome.token, place=_place(membership.hub_url, "TOKEN"))
        try_commit([_change(membership, sets, removed)])


def hub_key(instance_id: str) -> Row:
    return {"pk": _HUBS, "sk": instance_id}


def place_of(instance_id: str) -> str:
    """Return the place that the key of a hub's row is sealed for."""
    return f"HUBS/{instance_id}"


def _key(hub_url: str) -> Row:
    return {"pk": _MEMBERSHIPS, "sk": hub_url}


def _place(hub_url: str, secret: str) -> str:
    return f"{_MEMBERSHIPS}/{hub_url}/{secret}"


def _change(membership: Membership, sets: Row, removed: str) -> Action:
    expression = f"SET {assignments(sets)} {removed}"
    return update(NETWORK, _key(membership.hub_url), expression, "joins = :seen", **sets, seen=membership.joins)


def _from_row(row: Row) -> Membership:
    return _MEMBERSHIP.from_row(row, hub_url=row["sk"])
