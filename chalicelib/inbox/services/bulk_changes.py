"""Bulk changes: change the state of many deliveries at once, in the request or by a worker, and undo it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import is_uuid
from chalicelib.core.domain.idempotency import Claim, to_stored_reply
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import JobAnnouncer, JobSender
from chalicelib.inbox.domain.bulk_changes import (
    PER_STEP,
    BulkChange,
    BulkChangeIn,
    BulkChangeJob,
    BulkChangeOut,
    Changed,
    Step,
    advance,
    change_deliveries,
    check_undoable,
    new_change,
    new_undoing,
    state_of,
    to_bulk_out,
)
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.domain.inbox import InboxQuery, Position
from chalicelib.inbox.domain.inbox_states import check_snooze
from chalicelib.inbox.domain.live_events import deliveries_changed_event
from chalicelib.live.services.ports import Notifier

# A message takes so many steps, then it sends the next message.
_STEPS_PER_MESSAGE = 10
_BUSY = "Too many calls change these deliveries at the same time. Try again in a moment."

Pairs = Sequence[tuple[Delivery, Delivery]]


class ChangedInbox(Protocol):
    def list_page(
        self, user_id: str, query: InboxQuery, after: Position | None, *, now: datetime
    ) -> tuple[Sequence[Delivery], Position | None]: ...


class BulkChanges(Protocol):
    def find(self, job_id: str, *, with_ids: bool = False) -> BulkChange | None: ...
    def find_part(self, job_id: str, part: int) -> list[Changed]: ...
    def read_deliveries(self, delivery_ids: Sequence[str]) -> list[Delivery]: ...
    def add(self, job: BulkChange, *, claim: Claim | None, reply: dict[str, Any], now: datetime) -> None: ...
    def save_whole(self, job: BulkChange, pairs: Pairs, *, claim: Claim | None, reply: dict[str, Any]) -> bool: ...
    def save_step(self, before: BulkChange, after: BulkChange, pairs: Pairs, *, now: datetime) -> bool | None: ...
    def stop(self, job_id: str) -> BulkChange | None: ...


@dataclass(frozen=True)
class BulkChanger:
    """Makes bulk changes of inboxes, step by step, and announces each step in one live event."""

    changes: BulkChanges
    inbox: ChangedInbox
    notifier: Notifier
    now: datetime

    def start(
        self,
        body: BulkChangeIn,
        *,
        owner: ApiKey,
        context: RequestContext,
        new_id: str,
        queue: JobAnnouncer[BulkChangeJob],
    ) -> BulkChangeOut:
        """Make a change that fits one step, or store it for the worker.

        Store calls after authentication: 2, and 2 more to push; for a filter 1 to 8 more. A change that the worker
        makes takes 1 and a queue call.

        Raises:
            Invalid: the snooze ends in the past, or too late.
            Unavailable: too many calls change these deliveries at the same time.
            AlreadyAnswered: the idempotency key has been used; nothing was done.
        """
        if state := state_of(body):
            check_snooze(state, now=self.now)
        job = new_change(body, job_id=new_id, user_id=owner.user_id, now=self.now)
        return self._start(job, context, queue)

    def undo(
        self, job_id: str, *, owner: ApiKey, context: RequestContext, new_id: str, queue: JobAnnouncer[BulkChangeJob]
    ) -> BulkChangeOut:
        """Undo a change, after stopping it if it is not over.

        Store calls after authentication: 4, and 2 more to push; 1 to stop it.

        Raises:
            NotFound: there is no such change, or it is somebody else's.
            Conflict: it can't be undone.
            Unavailable: too many calls change these deliveries at the same time.
            AlreadyAnswered: the idempotency key has been used; nothing was done.
        """
        earlier = self._find_own(job_id, owner)
        check_undoable(earlier)
        if not earlier.is_over:
            earlier = self.changes.stop(earlier.job_id) or self._find_own(job_id, owner)
        return self._start(new_undoing(earlier, job_id=new_id, now=self.now), context, queue)

    def read(self, job_id: str, *, owner: ApiKey, context: RequestContext) -> BulkChangeOut:
        """Return how far a bulk change is. Store calls after authentication: 1.

        Raises:
            NotFound: there is no such change, or it is somebody else's.
        """
        return to_bulk_out(self._find_own(job_id, owner), request_id=context.request_id)

    def resume(self, message: BulkChangeJob, *, queue: JobSender[BulkChangeJob]) -> None:
        """Take the next steps of a job. A repeated message does no harm.

        Store calls: 2, and for each step 3 to 10 and 2 to push; 3 for each part whose announcement may be missing.
        """
        job = self.changes.find(message.job_id, with_ids=True)
        if job is None:
            return
        for part in range(max(0, job.parts - 1) if message.part is None else message.part, job.parts):
            # The run that took this step may have ended before it pushed.
            changed = self.changes.find_part(job.job_id, part)
            self._push(job, self.changes.read_deliveries([each.delivery_id for each in changed]))
        for _ in range(_STEPS_PER_MESSAGE):
            after = None if job.is_over else self._take_step(job)
            if after is None:
                return
            job = after
        if not job.is_over:
            queue.send(BulkChangeJob(job_id=job.job_id, part=job.parts))

    def _start(self, job: BulkChange, context: RequestContext, queue: JobAnnouncer[BulkChangeJob]) -> BulkChangeOut:
        step = Step((), is_last=False) if len(job.ids) > PER_STEP else self._next_step(job)
        if step.is_last:
            return self._make_whole(job, step, context)
        out = to_bulk_out(job, request_id=context.request_id)
        self.changes.add(job, claim=context.claim, reply=to_stored_reply(202, out), now=self.now)
        queue.announce(BulkChangeJob(job_id=job.job_id))
        return out

    def _make_whole(self, job: BulkChange, step: Step, context: RequestContext) -> BulkChangeOut:
        attempts = Attempts(_BUSY)
        while attempts.again():
            pairs, counts = change_deliveries(job, step, self.changes.read_deliveries(step.ids), now=self.now)
            done = advance(job, step, counts)
            out = to_bulk_out(done, request_id=context.request_id)
            if self.changes.save_whole(done, pairs, claim=context.claim, reply=to_stored_reply(200, out)):
                break
        self._push(done, [after for _, after in pairs])
        return out

    def _take_step(self, job: BulkChange) -> BulkChange | None:
        """Take a step and return the job after it; None if another call goes on with the job."""
        step = self._next_step(job)
        attempts = Attempts(_BUSY)
        while attempts.again():
            pairs, counts = change_deliveries(job, step, self.changes.read_deliveries(step.ids), now=self.now)
            after = advance(job, step, counts)
            saved = self.changes.save_step(job, after, pairs, now=self.now)
            if saved is not False:
                break
        if not saved:
            return None
        self._push(after, [changed for _, changed in pairs])
        return after

    def _next_step(self, job: BulkChange) -> Step:
        if job.undoes:
            if job.undone_parts == 0:
                return Step((), is_last=True)
            earlier = self.changes.find_part(job.undoes, job.undone_parts - 1 - job.parts)
            return Step([each.delivery_id for each in earlier], job.parts + 1 >= job.undone_parts, earlier=earlier)
        if job.filter is None:
            first = job.parts * PER_STEP
            return Step(job.ids[first : first + PER_STEP], is_last=first + PER_STEP >= len(job.ids))
        found, end = self.inbox.list_page(job.user_id, job.query(), job.position, now=self.now)
        return Step([each.delivery_id for each in found], is_last=end is None, position=end)

    def _find_own(self, job_id: str, owner: ApiKey) -> BulkChange:
        job = self.changes.find(job_id.lower()) if is_uuid(job_id) else None
        if job is None or job.user_id != owner.user_id:
            raise NotFound("Bulk change not found.")
        return job

    def _push(self, job: BulkChange, deliveries: Sequence[Delivery]) -> None:
        if not deliveries:
            return
        event = deliveries_changed_event(deliveries, job_id=job.job_id, now=self.now)
        self.notifier.notify(job.user_id, event, log_state=None, now=self.now)
