"""The queue `callback-replays`: each job continues one replay of callbacks."""

from chalicelib.core.gateways.job_queue import JobQueue
from chalicelib.inbox.domain.replays import ReplayJob
from chalicelib.resources import CALLBACK_REPLAYS

REPLAY_JOBS = JobQueue[ReplayJob](CALLBACK_REPLAYS)
