"""The queue `callbacks`: messages that say which clicks have an attempt due."""

import logging
from collections.abc import Sequence

from chalicelib.aws import queue_url, sqs
from chalicelib.inbox.domain.callbacks import CallbackJob
from chalicelib.parallel import chunks
from chalicelib.resources import CALLBACKS

log = logging.getLogger("fluxden")

LONGEST_DELAY_SECONDS = 900
_MESSAGES_PER_CALL = 10


class SqsCallbacks:
    def announce(self, job: CallbackJob, *, delay: int = 0) -> None:
        """Have the attempt made in `delay` seconds. One queue call.

        When it fails that is only logged: the click is stored, and the due index announces it a little later.
        """
        try:
            sqs().send_message(
                QueueUrl=queue_url(CALLBACKS.physical_name),
                MessageBody=job.model_dump_json(by_alias=True),
                DelaySeconds=delay,
            )
        except Exception:
            log.exception("not announced: action %d of delivery %s", job.index, job.delivery_id)

    def announce_all(self, jobs: Sequence[CallbackJob]) -> None:
        """Have the attempts made now. One queue call for ten; those it refuses are logged, and due again later."""
        for some in chunks(list(jobs), _MESSAGES_PER_CALL):
            answer = sqs().send_message_batch(
                QueueUrl=queue_url(CALLBACKS.physical_name),
                Entries=[
                    {"Id": str(number), "MessageBody": job.model_dump_json(by_alias=True)}
                    for number, job in enumerate(some)
                ],
            )
            if refused := answer.get("Failed"):
                log.error("%d of %d callbacks not announced: %s", len(refused), len(some), refused[0]["Code"])
