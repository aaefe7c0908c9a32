"""End what has expired: proposals that nobody decided in time, and delegations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.core.domain.errors import ListFull
from chalicelib.core.domain.fields import timestamp
from chalicelib.live.services.ports import Notifier
from chalicelib.people.services.ports import People
from chalicelib.tasks.domain.delegations import Delegation, expired_event
from chalicelib.tasks.domain.dispatch import status_events
from chalicelib.tasks.domain.proposals import Outcome, Verdict, is_over
from chalicelib.tasks.domain.queue import Change, Item
from chalicelib.tasks.services.ports import DelegationRows, ItemApprovals


@dataclass(frozen=True)
class Expiry:
    """Removes items that nobody decided in time, and delegations that are over, and tells those concerned."""

    approvals: ItemApprovals
    delegations: DelegationRows
    people: People
    notifier: Notifier
    has_time: Callable[[], bool]

    def end_due(self, *, now: datetime, limit: int) -> int:
        """Remove some of what is over, and return how many.

        Store calls in sequence: 2, 3 for each item, 5 for each delegation, and 1 for the names of all.

        Raises:
            ListFull: nothing could be removed, since the rows of a queue have no more room.
        """
        items, delegations = self.approvals.list_expired(now=now, limit=limit)
        ended = self._end_delegations([each for each in delegations if each.is_over(now)], now)
        full = None
        for item in items:
            if not self.has_time():
                break
            try:
                ended += self._remove(item, now)
            except ListFull as error:
                # One person's full queue holds up nobody else's.
                full = error
        if full and not ended:
            raise full
        return ended

    def _remove(self, item: Item, now: datetime) -> bool:
        verdict = Verdict(Outcome.EXPIRED, timestamp(now))
        removed = is_over(item.expires_at, now=now) and self.approvals.remove_expired(item, verdict)
        if removed:
            events = status_events([Change(item, None, verdict)])
            self.notifier.notify(item.user_id, *events, log_state=None, now=now)
        return removed

    def _end_delegations(self, delegations: Sequence[Delegation], now: datetime) -> int:
        ended = 0
        both = {id_ for each in delegations for id_ in (each.delegator_id, each.delegate_id)}
        names = self.people.find_people(both) if both else {}
        for each in delegations:
            if not self.has_time():
                break
            if self.delegations.remove_expired(each):
                ended += 1
                event = expired_event(each, names)
                for user_id in (each.delegator_id, each.delegate_id):
                    self.notifier.notify(user_id, event, log_state=None, now=now)
        return ended
