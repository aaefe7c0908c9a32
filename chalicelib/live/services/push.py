"""Web Push: a person's subscriptions, and push messages to their browsers."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, Unavailable
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.domain.measures import PUSHES
from chalicelib.core.domain.person_refs import person_ref
from chalicelib.core.domain.push_results import PushResult
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import Gather, JobSender, Post
from chalicelib.live.domain.frames import FrameType, LiveEvent
from chalicelib.live.domain.push import (
    MOST_FAILURES,
    MOST_STOPPED,
    BrowserKeys,
    PushJob,
    PushKeys,
    PushOut,
    Subscription,
    SubscriptionIn,
    SubscriptionOut,
    SubscriptionState,
    Urgency,
    push_headers,
)
from chalicelib.live.services.ports import Notifier

log = logging.getLogger("fluxden")

Sign = Callable[[PushKeys, str], str]
Encrypt = Callable[[str, BrowserKeys], bytes]
# Whether an integrator declares that events of this type reach nobody by themselves.
IsForInbox = Callable[[str, str], bool]

# The statuses of a subscription that has ended (RFC 8030, 7.3), or was made for other keys than ours (RFC 8292, 4.2).
_ENDED = frozenset((401, 403, 404, 410))


class Subscriptions(Protocol):
    def find_public_key(self) -> str | None: ...
    def list_subscriptions(self, user_id: str) -> list[Subscription]: ...
    def add(self, subscription: Subscription, *, claim: Claim | None, reply: dict[str, Any]) -> None: ...
    def remove(self, user_id: str, subscription_id: str, *, claim: Claim | None) -> bool: ...
    def open_keys(self, subscription: Subscription) -> BrowserKeys | None: ...
    def save_failures(self, subscription: Subscription, failures: int) -> None: ...
    def stop(self, stopped: Subscription) -> bool: ...


class PushResults(Protocol):
    def add(self, delivery_id: str, results: Sequence[PushResult]) -> None: ...


class Keys(Protocol):
    def find(self) -> PushKeys | None: ...


def get_push_settings(*, owner: ApiKey, subscriptions: Subscriptions, gather: Gather) -> PushOut:
    """Return the public key and the owner's subscriptions. Store calls in sequence: 1."""
    key, found = gather(subscriptions.find_public_key, lambda: subscriptions.list_subscriptions(owner.user_id))
    return PushOut(public_key=key, subscriptions=[SubscriptionOut.of(each) for each in found])


def subscribe(
    wanted: SubscriptionIn, *, owner: ApiKey, context: RequestContext, subscriptions: Subscriptions
) -> SubscriptionOut:
    """Subscribe a browser. One that is subscribed already stays as it is, and a stopped one is resumed. Store calls: 2.

    Raises:
        Conflict: the desk has no keys for Web Push, or the owner has the most subscriptions allowed.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    if subscriptions.find_public_key() is None:
        raise Conflict("This desk has no keys for Web Push.")
    keys = wanted.keys.to_keys() if wanted.keys else None
    made = Subscription(owner.user_id, wanted.endpoint, timestamp(context.now), keys)
    shown = SubscriptionOut.of(made)
    subscriptions.add(made, claim=context.claim, reply=shown.model_dump(mode="json"))
    return shown


def unsubscribe(subscription_id: str, *, owner: ApiKey, context: RequestContext, subscriptions: Subscriptions) -> None:
    """Remove one of the owner's subscriptions. Store calls: 1.

    Raises:
        NotFound: there is no such subscription, or it is somebody else's.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    if not subscriptions.remove(owner.user_id, subscription_id, claim=context.claim):
        raise NotFound("No such subscription.")


@dataclass(frozen=True)
class PushSender:
    """Sends push messages to a person's browsers; push services keep them for a day for a closed browser."""

    subscriptions: Subscriptions
    keys: Keys
    post: Post
    sign: Sign
    encrypt: Encrypt
    queue: JobSender[PushJob]
    notifier: Notifier
    results: PushResults
    is_for_inbox: IsForInbox
    gather: Gather
    clock: Callable[[], datetime]

    def run(self, job: PushJob) -> None:
        """Send a push message to each browser of the job.

        A subscription that its push service refuses is ended, one that fails for the fifth time in a row is paused, and
        their owner is told. What each push service made of a delivery's message is kept with the delivery. Nothing is
        sent of an event type that is declared to be for the inbox only, unless it is critical. Store calls: 4, 3 for a
        critical event or a task; 1 for each that fails or no longer does, and 2 more for each that is stopped.

        If one of several push services fails, that browser gets a job of its own, so that the others are not sent the
        message twice.

        Raises:
            Unavailable: the push service of the only browser failed; the job is retried.
        """
        found, keys, is_for_inbox = self.gather(
            lambda: self.subscriptions.list_subscriptions(job.user_id), self.keys.find, lambda: self._is_for_inbox(job)
        )
        wanted: Sequence[Subscription] = [
            each for each in found if each.is_active and job.subscription_id in (None, each.subscription_id)
        ]
        for each in sorted((each for each in found if each.stopped_at), key=_stopped_at)[:-MOST_STOPPED]:
            self.subscriptions.remove(each.user_id, each.subscription_id, claim=None)
        if not wanted or keys is None or is_for_inbox:
            return
        answers = self.gather(*(lambda to=each: self._push(to, job, keys) for each in wanted))
        self._keep(job, [result for result, _ in answers])
        failed = [(each, result) for each, (result, is_retried) in zip(wanted, answers, strict=True) if is_retried]
        if len(wanted) == 1 and failed:
            raise Unavailable(f"The push service of {wanted[0].host} answered: {failed[0][1].error}")
        for each, _ in failed:
            self.queue.send(job.model_copy(update={"subscription_id": each.subscription_id}))

    def _is_for_inbox(self, job: PushJob) -> bool:
        if job.urgency is Urgency.HIGH or job.integrator is None or job.event_type is None:
            return False
        return self.is_for_inbox(job.integrator, job.event_type)

    def _keep(self, job: PushJob, results: Sequence[PushResult]) -> None:
        if job.delivery_id is None:
            return
        try:
            self.results.add(job.delivery_id, results)
        except Exception:
            # Repeating the message would notify the browsers again, and the log is not worth that.
            log.exception("what push services made of delivery %s was not stored", job.delivery_id)

    def _push(self, to: Subscription, job: PushJob, keys: PushKeys) -> tuple[PushResult, bool]:
        """Send the message to one browser, and return what came of it, and whether to send it again."""
        body = self._encrypt(to, job)
        headers = push_headers(job, is_encrypted=bool(body))
        answer = self.post(to.endpoint, body, {**headers, "Authorization": self.sign(keys, to.endpoint)})
        is_taken = answer.status is not None and 200 <= answer.status <= 299  # noqa: PLR2004 - HTTP's
        PUSHES.add(channel="browser", outcome="taken" if is_taken else "gone" if answer.status in _ENDED else "failed")
        result = PushResult(to.host, timestamp(self.clock()))
        if is_taken:
            if to.failures:
                self.subscriptions.save_failures(to, 0)
            return result, False
        reason = f"status {answer.status}" if answer.status is not None else answer.error or "no answer"
        result = replace(result, error=reason)
        if answer.status in _ENDED:
            self._stop(to, SubscriptionState.ENDED, reason)
            return result, False
        if to.failures + 1 >= MOST_FAILURES:
            self._stop(to, SubscriptionState.PAUSED, reason)
            return result, False
        self.subscriptions.save_failures(to, to.failures + 1)
        return result, True

    def _encrypt(self, to: Subscription, job: PushJob) -> bytes:
        if to.keys is None or job.message is None:
            return b""
        try:
            keys = self.subscriptions.open_keys(to)
            return self.encrypt(job.message, keys) if keys else b""
        except ValueError:
            # Its keys are well-formed and no point of the curve, so no browser has them; or no sealing key opens them.
            log.warning("subscription %s has keys that encrypt nothing", to.subscription_id)
            return b""

    def _stop(self, subscription: Subscription, state: SubscriptionState, reason: str) -> None:
        now = self.clock()
        stopped = replace(subscription, state=state, stopped_at=timestamp(now), reason=reason)
        if not self.subscriptions.stop(stopped):
            return
        owner = person_ref(stopped.user_id)
        log.info("subscription %s of %s is %s: %s", stopped.subscription_id, owner, state, reason)
        members = {"subscriptionId": stopped.subscription_id, "host": stopped.host, "state": state, "reason": reason}
        event = LiveEvent(FrameType.PUSH_STOPPED, members)
        self.notifier.notify(stopped.user_id, event, log_state=None, now=now)


def _stopped_at(subscription: Subscription) -> str:
    return subscription.stopped_at or ""
