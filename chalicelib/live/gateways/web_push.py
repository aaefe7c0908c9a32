"""The queues `web-push` and `reach`: each job names a person whose browsers are notified, or whom to reach."""

from chalicelib.core.gateways.job_queue import JobQueue
from chalicelib.live.domain.push import PushJob, ReachJob
from chalicelib.resources import REACH, WEB_PUSH

PUSH_JOBS = JobQueue[PushJob](WEB_PUSH)
REACH_JOBS = JobQueue[ReachJob](REACH)
