"""What is past its time and would otherwise stand for ever."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.chat.domain.chat import Message
from chalicelib.core.ports import JobAnnouncer
from chalicelib.federation.connections.domain.connection_notices import (
    ConnectionNotice,
    ConnectionNoticeJob,
    follow_ups,
)
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus, Initiator
from chalicelib.federation.connections.services.connections import told_of
from chalicelib.live.services.ports import Notifier

_PAGE = 100


class Requests(Protocol):
    def list_unanswered(self, *, now: datetime, limit: int) -> Sequence[str]: ...
    def find(self, connection_id: str) -> Connection | None: ...
    def save(
        self,
        connection: Connection,
        *,
        over: Connection,
        notices: Sequence[ConnectionNotice] = (),
        message: Message | None = None,
    ) -> bool: ...
    def is_current(self, connection: Connection) -> bool: ...
    def unwatch(self, connection_id: str) -> None: ...


def end_unanswered(
    now: datetime,
    *,
    message_id: Callable[[], str],
    requests: Requests,
    notifier: Notifier,
    queue: JobAnnouncer[ConnectionNoticeJob],
) -> int:
    """End the connection requests that nobody has answered in time; how many.

    What was asked for from here expires, and whoever asked is told in their chat; what others asked for is declined.
    Another desk of our kind is told so. Store and queue calls: 1, and 4 for each that was asked for so long ago; 2 more
    to tell who asked, and 1 more for a desk of our kind. Of more than a hundred the next run ends the rest. An answer
    at the same moment wins: the next run sees it. Whoever asked may ask anew.
    """
    count = 0
    for connection_id in requests.list_unanswered(now=now, limit=_PAGE):
        met = requests.find(connection_id)
        if met is not None and met.status is ConnectionStatus.PENDING:
            if _end(met, now, message_id=message_id(), requests=requests, notifier=notifier, queue=queue):
                count += 1
            elif requests.is_current(met):
                continue
        requests.unwatch(connection_id)
    return count


def _end(
    met: Connection,
    now: datetime,
    *,
    message_id: str,
    requests: Requests,
    notifier: Notifier,
    queue: JobAnnouncer[ConnectionNoticeJob],
) -> bool:
    is_ours = met.initiator is Initiator.US
    over = met.changed(status=ConnectionStatus.EXPIRED if is_ours else ConnectionStatus.DECLINED, now=now)
    message = told_of(over, message_id, now) if is_ours else None
    notices = follow_ups(over, met, now=now)
    if not requests.save(over, over=met, notices=notices, message=message):
        return False
    for each in notices:
        queue.announce(each.job)
    if message:
        notifier.notify(over.user_id, message.news, standing=None, now=now)
    return True
