"""Send notices of the operator's decisions to instances, one attempt per message."""

from typing import Protocol

from chalicelib.core.domain.http_results import HttpResult, require_success
from chalicelib.core.domain.retries import INSTANCE_NOTICE_RETRIES, is_due
from chalicelib.core.ports import Post
from chalicelib.core.services.attempts import AttemptRunner, Conclusion
from chalicelib.federation.network.domain.instance_notices import (
    PATH,
    InstanceNotice,
    InstanceNoticeJob,
    InstanceNoticeKind,
    InstanceNoticeOutcome,
    Recipient,
    notice_headers,
)
from chalicelib.federation.network.services.challenges import RegistrationConfirmer


class Notices(Protocol):
    def find(self, notice_id: str) -> InstanceNotice | None: ...


class Recipients(Protocol):
    def recipient_of(self, notice: InstanceNotice) -> Recipient | None: ...


def attempt_notice(
    job: InstanceNoticeJob,
    *,
    source: str,
    runner: AttemptRunner[InstanceNotice, InstanceNoticeJob],
    notices: Notices,
    recipients: Recipients,
    post: Post,
    post_status: Post,
    confirmer: RegistrationConfirmer,
) -> None:
    """Make the notice's next attempt if one is due; a message that comes twice, late or early does no harm.

    A notice that no longer applies is not sent, so an instance that was away gets the last decision only. `post_status`
    sends what is about the instance itself, which also reaches a suspended one. Store and queue calls: 5, and 1 to
    announce the next attempt; 1 when no attempt is due.
    """
    notice, now = notices.find(job.notice_id), runner.clock()
    if notice is not None and notice.kind is InstanceNoticeKind.REGISTRATION:
        confirmer.attempt(notice, job)
        return
    if notice is None or not is_due(notice.next_attempt_at, now):
        return

    def send() -> HttpResult | Conclusion:
        recipient = recipients.recipient_of(notice)
        if recipient is None or recipient.status != notice.status:
            return Conclusion(InstanceNoticeOutcome.SUPERSEDED)
        headers = notice_headers(notice, recipient, source=source, at=now)
        send_to = post_status if notice.kind is InstanceNoticeKind.INSTANCE_STATUS else post
        return require_success(send_to(f"{recipient.base_url}{PATH}", notice.body.encode(), headers), "received")

    runner.run(notice, job, ladder=INSTANCE_NOTICE_RETRIES, at=now, send=send)
