"""The event streams that are held open, in the table `sockets`.

pk = STREAMS#<user id>, sk = SLOT#<number>: a stream of the person, held by `holder` until `expiresAt`
pk = STREAMS, sk = DESK: holders: a text for each stream of the desk, "<epoch seconds>#<holder>", where that is bounded
A slot whose holder ended without giving it back is free from then on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.chat.domain.streams import StreamSlot
from chalicelib.core.domain.bounds import DESK_STREAMS, STREAMS
from chalicelib.core.domain.measures import BOUNDS_MET
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import NEW, delete, put, update
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import query_partition
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.ids import new_nonce
from chalicelib.resources import SOCKETS

_DESK = {"pk": "STREAMS", "sk": "DESK"}


@dataclass(frozen=True)
class DynamoStreamSlots:
    """With `most_of_desk`, so many streams of everybody together; a stream of a bounded desk is not renewed."""

    most_of_desk: int | None = None

    def take(self, user_id: str, *, until: datetime, now: datetime) -> StreamSlot | None:
        """Take a slot of the person, and one of the desk; None if they are all held.

        One store call for each slot tried, and 2 more to free slots of the desk whose holders are gone.
        """
        holder, seconds = new_nonce(), int(now.timestamp())
        for number in range(STREAMS.most):
            slot = StreamSlot(user_id, number, holder, ends_at=int(until.timestamp()))
            condition = f"{NEW} OR expiresAt <= :now OR holder = :holder"
            own = put(SOCKETS, _row(slot, slot.ends_at), condition, now=seconds, holder=holder)
            refused = self._try([own, *self._desk(slot)])
            if refused and 1 in refused.failed and _free(refused.rows[1], before=seconds):
                refused = self._try([own, *self._desk(slot)])
            if refused is None:
                return slot
            if 1 in refused.failed:
                BOUNDS_MET.add(bound=DESK_STREAMS)
                return None
        STREAMS.note_met(user_id)
        return None

    def count(self, user_id: str, *, now: datetime) -> int:
        """Count the streams that the person holds open. One store call."""
        rows = query_partition(SOCKETS, f"STREAMS#{user_id}")
        return sum(row["expiresAt"] > now.timestamp() for row in rows)

    def renew(self, slot: StreamSlot, *, until: datetime) -> bool:
        """Hold a slot for longer; False if it has been taken by another. One store call."""
        row = _row(slot, int(until.timestamp()))
        return try_commit([put(SOCKETS, row, "holder = :holder", holder=slot.holder)])

    def give_back(self, slot: StreamSlot) -> None:
        """Free a slot, unless another has taken it. One store call; 2 where the desk is bounded."""
        try_commit([delete(SOCKETS, _key(slot), "holder = :holder", holder=slot.holder)])
        if self.most_of_desk is not None:
            _forget([_held(slot)])

    def _desk(self, slot: StreamSlot) -> list[Action]:
        if self.most_of_desk is None:
            return []
        held = _held(slot)
        room = "attribute_not_exists(holders) OR size(holders) < :most OR contains(holders, :own)"
        return [update(SOCKETS, _DESK, "ADD holders :held", room, held={held}, own=held, most=self.most_of_desk)]

    def _try(self, actions: list[Action]) -> Refused | None:
        try:
            commit(actions)
        except Refused as refused:
            return refused
        return None


def _free(desk: Row, *, before: int) -> bool:
    """Free the slots of the desk whose holders are gone, and say whether there are any."""
    gone = [each for each in desk.get("holders", ()) if int(each.partition("#")[0]) <= before]
    if gone:
        _forget(gone)
    return bool(gone)


def _forget(held: Iterable[str]) -> None:
    commit([update(SOCKETS, _DESK, "DELETE holders :held", held=set(held))])


def _held(slot: StreamSlot) -> str:
    return f"{slot.ends_at}#{slot.holder}"


def _row(slot: StreamSlot, until: int) -> Row:
    return _key(slot) | {"holder": slot.holder, "expiresAt": until}


def _key(slot: StreamSlot) -> Row:
    return {"pk": f"STREAMS#{slot.user_id}", "sk": f"SLOT#{slot.number}"}
