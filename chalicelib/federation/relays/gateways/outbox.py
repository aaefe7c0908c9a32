"""The queue `outbox-work`: each job names an instance that something waits to be sent to."""

from chalicelib.core.gateways.job_queue import JobQueue
from chalicelib.federation.relays.domain.outbox import OutboxJob
from chalicelib.resources import OUTBOX_WORK

OUTBOX_JOBS = JobQueue[OutboxJob](OUTBOX_WORK)
