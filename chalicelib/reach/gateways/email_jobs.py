"""The queue `email`: each job names a person who is sent one message."""

from chalicelib.core.gateways.job_queue import JobQueue
from chalicelib.reach.domain.jobs import EmailJob
from chalicelib.resources import EMAIL

EMAIL_JOBS = JobQueue[EmailJob](EMAIL)
