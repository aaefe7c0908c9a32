"""The queue `socket-work`: each job names a socket that is sent the frames it has missed."""

from chalicelib.core.gateways.job_queue import JobQueue
from chalicelib.live.domain.sockets import CatchUpJob
from chalicelib.resources import SOCKET_WORK

CATCH_UP_JOBS = JobQueue[CatchUpJob](SOCKET_WORK)
