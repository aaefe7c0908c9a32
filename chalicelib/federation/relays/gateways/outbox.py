"""The queue `outbox-work`: messages that say which desks have something to be sent to."""

import logging

from chalicelib.aws import queue_url, sqs
from chalicelib.federation.relays.domain.outbox import OutboxJob
from chalicelib.resources import OUTBOX_WORK

log = logging.getLogger("fluxden")

LONGEST_DELAY_SECONDS = 900


class SqsOutbox:
    def announce(self, job: OutboxJob, *, delay: int = 0) -> None:
        """Have the desk's outbox looked at in `delay` seconds. One queue call.

        When it fails that is only logged: what waits is stored, and the due index announces it a little later.
        """
        try:
            sqs().send_message(
                QueueUrl=queue_url(OUTBOX_WORK.physical_name),
                MessageBody=job.model_dump_json(by_alias=True),
                DelaySeconds=delay,
            )
        except Exception:
            log.exception("not announced: the outbox for %s", job.peer_url)
