"""The queue `snoozes`: each job names a delivery whose snooze ends."""

from chalicelib.core.gateways.job_queue import JobQueue
from chalicelib.inbox.domain.snoozes import SnoozeJob
from chalicelib.resources import SNOOZES

SNOOZE_JOBS = JobQueue[SnoozeJob](SNOOZES)
