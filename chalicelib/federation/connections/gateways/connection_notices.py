"""The queue `peer-notices`: messages that say which notices have an attempt due."""

import logging
from collections.abc import Sequence

from chalicelib.aws import queue_url, sqs
from chalicelib.federation.connections.domain.connection_notices import ConnectionNoticeJob
from chalicelib.parallel import chunks
from chalicelib.resources import PEER_NOTICES

log = logging.getLogger("fluxden")

LONGEST_DELAY_SECONDS = 900
_MESSAGES_PER_CALL = 10


class SqsConnectionNotices:
    def announce(self, job: ConnectionNoticeJob, *, delay: int = 0) -> None:
        """Have the attempt made in `delay` seconds. One queue call.

        When it fails that is only logged: the notice is stored, and the due index announces it a little later.
        """
        try:
            sqs().send_message(
                QueueUrl=queue_url(PEER_NOTICES.physical_name),
                MessageBody=job.model_dump_json(by_alias=True),
                DelaySeconds=delay,
            )
        except Exception:
            log.exception("not announced: notice %s of connection %s", job.notice_id, job.connection_id)

    def announce_all(self, jobs: Sequence[ConnectionNoticeJob]) -> None:
        """Have the attempts made now. One queue call for ten; those it refuses are logged, and due again later."""
        for some in chunks(list(jobs), _MESSAGES_PER_CALL):
            answer = sqs().send_message_batch(
                QueueUrl=queue_url(PEER_NOTICES.physical_name),
                Entries=[
                    {"Id": str(number), "MessageBody": job.model_dump_json(by_alias=True)}
                    for number, job in enumerate(some)
                ],
            )
            if refused := answer.get("Failed"):
                log.error("%d of %d notices not announced: %s", len(refused), len(some), refused[0]["Code"])
