"""The queue `fan-out`: each job names people who get a delivery of one bulk call."""

from chalicelib.core.gateways.job_queue import JobQueue
from chalicelib.inbox.domain.bulk import FanOutJob
from chalicelib.resources import FAN_OUT

FAN_OUT_JOBS = JobQueue[FanOutJob](FAN_OUT)
