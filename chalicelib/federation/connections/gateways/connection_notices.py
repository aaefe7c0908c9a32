"""The queue `peer-notices`: each job names a notice over a connection with an attempt due."""

from chalicelib.core.gateways.job_queue import JobQueue
from chalicelib.federation.connections.domain.connection_notices import ConnectionNoticeJob
from chalicelib.resources import PEER_NOTICES

CONNECTION_NOTICE_JOBS = JobQueue[ConnectionNoticeJob](PEER_NOTICES)
