"""The event streams that each person holds open, in the table `sockets`.

pk = STREAMS#<user id>, sk = SLOT#<number>: a stream, held by `holder` until `expiresAt`
A slot whose holder ended without giving it back is free from then on.
"""

from datetime import datetime

from chalicelib.chat.domain.streams import StreamSlot
from chalicelib.core.domain import bounds
from chalicelib.core.stores.actions import NEW, delete, put
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.writes import try_commit
from chalicelib.ids import new_nonce
from chalicelib.resources import SOCKETS


class DynamoStreamSlots:
    def take(self, user_id: str, *, until: datetime, now: datetime) -> StreamSlot | None:
        """Take a slot of the person; None if they hold as many as they may. One store call for each slot tried."""
        holder, seconds = new_nonce(), int(now.timestamp())
        for number in range(bounds.STREAMS.most):
            slot = StreamSlot(user_id, number, holder)
            condition = f"{NEW} OR expiresAt <= :now OR holder = :holder"
            if try_commit([put(SOCKETS, _row(slot, until), condition, now=seconds, holder=holder)]):
                return slot
        return None

    def renew(self, slot: StreamSlot, *, until: datetime) -> bool:
        """Hold a slot for longer; False if it has been taken by another. One store call."""
        return try_commit([put(SOCKETS, _row(slot, until), "holder = :holder", holder=slot.holder)])

    def give_back(self, slot: StreamSlot) -> None:
        """Free a slot, unless another has taken it. One store call."""
        try_commit([delete(SOCKETS, _key(slot), "holder = :holder", holder=slot.holder)])


def _row(slot: StreamSlot, until: datetime) -> Row:
    return _key(slot) | {"holder": slot.holder, "expiresAt": int(until.timestamp())}


def _key(slot: StreamSlot) -> Row:
    return {"pk": f"STREAMS#{slot.user_id}", "sk": f"SLOT#{slot.number}"}
