"""What is past its time and would otherwise stand for ever."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from chalicelib.domain.peering import Peering, PeeringStatus

_PAGE = 100


class Requests(Protocol):
    def list_unanswered(self, *, now: datetime, limit: int) -> Sequence[str]: ...
    def find(self, connection_id: str) -> Peering | None: ...
    def save(self, peering: Peering, *, over: Peering, notice: None, claim: None, reply: dict[str, Any]) -> bool: ...
    def unwatch(self, connection_id: str) -> None: ...


def decline_unanswered(now: datetime, *, requests: Requests) -> int:
    """Decline the connection requests that nobody has answered in time; how many.

    Store calls: 1, and 4 for each that was asked for so long ago; of more than a hundred the next run declines the
    rest. An answer at the same moment wins: the next run sees it. Whoever asked may ask anew.
    """
    count = 0
    for connection_id in requests.list_unanswered(now=now, limit=_PAGE):
        met = requests.find(connection_id)
        if met is not None and met.status is PeeringStatus.PENDING:
            declined = met.changed(status=PeeringStatus.DECLINED, now=now)
            if not requests.save(declined, over=met, notice=None, claim=None, reply={}):
                continue
            count += 1
        requests.unwatch(connection_id)
    return count
