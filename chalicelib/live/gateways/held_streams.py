"""The event streams that this process holds open. A function of a deployment holds none."""

import threading
from collections import Counter

MOST_PER_PERSON = 3


class HeldStreams:
    """Counts the open streams of each person, and bounds them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = Counter[str]()

    def take(self, user_id: str) -> bool:
        """Count one more stream of the person; False if they hold as many as they may."""
        with self._lock:
            if self._count[user_id] >= MOST_PER_PERSON:
                return False
            self._count[user_id] += 1
            return True

    def give_back(self, user_id: str) -> None:
        """Count one stream less."""
        with self._lock:
            self._count[user_id] -= 1
            if not self._count[user_id]:
                del self._count[user_id]


HELD_STREAMS = HeldStreams()
