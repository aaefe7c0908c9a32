"""The queue `socket-work`: sockets that are sent frames, those they have missed, or a heartbeat."""

from chalicelib.core.gateways.job_queue import JobQueue
from chalicelib.live.domain.sockets import CatchUpJob, FrameJob, HeartbeatJob
from chalicelib.resources import SOCKET_WORK

CATCH_UP_JOBS = JobQueue[CatchUpJob](SOCKET_WORK)
FRAME_JOBS = JobQueue[FrameJob](SOCKET_WORK)
HEARTBEAT_JOBS = JobQueue[HeartbeatJob](SOCKET_WORK)
