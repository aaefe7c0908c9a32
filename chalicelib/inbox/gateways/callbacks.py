"""The queue `callbacks`: each job names a click with an attempt due."""

from chalicelib.core.gateways.job_queue import JobQueue
from chalicelib.inbox.domain.callbacks import CallbackJob
from chalicelib.resources import CALLBACKS

CALLBACK_JOBS = JobQueue[CallbackJob](CALLBACKS)
