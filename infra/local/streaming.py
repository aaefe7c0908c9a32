"""Replies that a host sends piece by piece, such as event streams. It holds a bounded number of them at a time."""

import threading

from chalicelib.chat.domain.streams import Pause
from chalicelib.edge.streaming import Pieces


class StreamSlots:
    """Bounds the open replies of a host."""

    def __init__(self, count: int) -> None:
        self._lock, self._free = threading.Lock(), count
        self.count = count

    @property
    def held(self) -> int:
        return self.count - self._free

    def take(self) -> bool:
        """Take a slot; False if all are taken."""
        with self._lock:
            taken = self._free > 0
            self._free -= taken
            return taken

    def give_back(self) -> None:
        with self._lock:
            self._free += 1


class OpenReply:
    """The pieces of an open reply, as bytes; with its end it gives its slot back."""

    def __init__(self, pieces: Pieces, slots: StreamSlots) -> None:
        self._pieces, self._slots, self._is_closed = pieces, slots, False

    def read(self, retry_milliseconds: int | None = None) -> bytes | Pause | None:
        """Return what is to be sent next, or a pause; None after the end. It makes store calls."""
        piece = self._pieces.read(retry_milliseconds)
        return piece.encode() if isinstance(piece, str) else piece

    def close(self) -> None:
        """End the reply early. It makes store calls."""
        if not self._is_closed:
            self._is_closed = True
            try:
                self._pieces.close()
            finally:
                self._slots.give_back()
