"""Replies that a host sends piece by piece, such as event streams. It holds a bounded number of them at a time."""

import threading
from collections.abc import Iterator

from chalicelib.edge.streaming import Pieces


class StreamSlots:
    """Bounds the open replies of a host, each of which holds a thread."""

    def __init__(self, count: int) -> None:
        self._lock, self._free = threading.Lock(), count

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
    """The pieces of an open reply, as bytes; with its end it gives its slot back. It is a WSGI response."""

    def __init__(self, pieces: Pieces, slots: StreamSlots) -> None:
        self._pieces, self._slots, self._is_closed = pieces, slots, False

    def __iter__(self) -> Iterator[bytes]:
        return (piece.encode() for piece in self._pieces)

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._pieces.close()
            self._slots.give_back()
