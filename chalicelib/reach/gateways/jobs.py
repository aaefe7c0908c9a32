"""The queues of channels: each job names a person, one of their channels, and what it is told."""

from chalicelib.core.gateways.job_queue import JobQueue
from chalicelib.reach.domain.channels import ChannelKind
from chalicelib.reach.domain.jobs import ChannelJob
from chalicelib.resources import CHAT_MESSAGES, PERSONAL_WEBHOOK

CHAT_JOBS = JobQueue[ChannelJob](CHAT_MESSAGES)
WEBHOOK_JOBS = JobQueue[ChannelJob](PERSONAL_WEBHOOK)


def jobs_of(kind: ChannelKind) -> JobQueue[ChannelJob]:
    """Return the queue of the channels of a kind."""
    return CHAT_JOBS if kind is ChannelKind.CHAT else WEBHOOK_JOBS
