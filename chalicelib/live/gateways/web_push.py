"""The queue `web-push`: each job names a person whose browsers are notified."""

from chalicelib.core.gateways.job_queue import JobQueue
from chalicelib.live.domain.push import NudgeJob
from chalicelib.resources import WEB_PUSH

NUDGE_JOBS = JobQueue[NudgeJob](WEB_PUSH)
