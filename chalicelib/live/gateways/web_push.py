"""The queue `web-push`: each job names a person whose browsers are notified."""

from chalicelib.core.gateways.job_queue import JobQueue
from chalicelib.live.domain.push import PushJob
from chalicelib.resources import WEB_PUSH

PUSH_JOBS = JobQueue[PushJob](WEB_PUSH)
