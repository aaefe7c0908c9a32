"""The queue `inbox-changes`: each job continues one bulk change of an inbox."""

from chalicelib.core.gateways.job_queue import JobQueue
from chalicelib.inbox.domain.bulk_changes import BulkChangeJob
from chalicelib.resources import INBOX_CHANGES

BULK_CHANGE_JOBS = JobQueue[BulkChangeJob](INBOX_CHANGES)
