"""The queue `notices`: each job names a notice to an instance with an attempt due."""

from chalicelib.core.gateways.job_queue import JobQueue
from chalicelib.federation.network.domain.instance_notices import InstanceNoticeJob
from chalicelib.resources import NOTICES

INSTANCE_NOTICE_JOBS = JobQueue[InstanceNoticeJob](NOTICES)
