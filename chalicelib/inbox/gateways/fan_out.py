"""The fan-out queue's sending end."""

import random
import time
from collections.abc import Collection
from functools import partial

from chalicelib.aws import queue_url, sqs
from chalicelib.core.domain.errors import Unavailable
from chalicelib.inbox.domain.bulk import Accepted, FanOutJob
from chalicelib.parallel import chunks, together
from chalicelib.resources import FAN_OUT

_ENTRIES_PER_BATCH = 10
_PEOPLE_PER_MESSAGE = 10
_ATTEMPTS = 5


class SqsFanOut:
    def send(self, accepted: Accepted, behind: Collection[str]) -> None:
        """Put the call's deliveries into the queue; returns when all are durably there.

        A queue call per hundred people, at the same time.

        Raises:
            Unavailable: the queue did not take all of them; sending them again does no harm.
        """
        jobs = [
            FanOutJob(
                event_part=accepted.event_part,
                fire=accepted.fire,
                people=some,
                behind=[each for each in some if each in behind],
            ).model_dump_json()
            for some in chunks(list(accepted.people), _PEOPLE_PER_MESSAGE)
        ]
        together(*(partial(_send, some) for some in chunks(jobs, _ENTRIES_PER_BATCH)))


def _send(bodies: list[str]) -> None:
    pending = dict(enumerate(bodies))
    for attempt in range(_ATTEMPTS):
        answer = sqs().send_message_batch(
            QueueUrl=queue_url(FAN_OUT.physical_name),
            Entries=[{"Id": str(number), "MessageBody": body} for number, body in pending.items()],
        )
        pending = {int(failed["Id"]): pending[int(failed["Id"])] for failed in answer.get("Failed", [])}
        if not pending:
            return
        time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311 - spreads retries
    raise Unavailable("The queue did not take every delivery.")
