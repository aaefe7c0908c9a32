"""The queue `notices`: messages that say which notices to instances have an attempt due."""

import logging
from collections.abc import Sequence

from chalicelib.aws import queue_url, sqs
from chalicelib.federation.network.domain.instance_notices import InstanceNoticeJob
from chalicelib.parallel import chunks
from chalicelib.resources import NOTICES

log = logging.getLogger("fluxden")

LONGEST_DELAY_SECONDS = 900
_MESSAGES_PER_CALL = 10


class SqsInstanceNotices:
    def announce(self, job: InstanceNoticeJob, *, delay: int = 0) -> None:
        """Have the attempt made in `delay` seconds. One queue call.

        When it fails that is only logged: the notice is stored, and the due index announces it a little later.
        """
        try:
            sqs().send_message(
                QueueUrl=queue_url(NOTICES.physical_name),
                MessageBody=job.model_dump_json(by_alias=True),
                DelaySeconds=delay,
            )
        except Exception:
            log.exception("not announced: notice %s", job.notice_id)

    def announce_all(self, jobs: Sequence[InstanceNoticeJob]) -> None:
        """Have the attempts made now. One queue call for ten; those it refuses are logged, and due again later."""
        for some in chunks(list(jobs), _MESSAGES_PER_CALL):
            answer = sqs().send_message_batch(
                QueueUrl=queue_url(NOTICES.physical_name),
                Entries=[
                    {"Id": str(number), "MessageBody": job.model_dump_json(by_alias=True)}
                    for number, job in enumerate(some)
                ],
            )
            if refused := answer.get("Failed"):
                log.error("%d of %d notices not announced: %s", len(refused), len(some), refused[0]["Code"])
