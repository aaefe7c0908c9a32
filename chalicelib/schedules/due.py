"""Every minute, queue the attempts that are due, or whose queue message was lost."""

from datetime import datetime

from chalice.app import Blueprint

from chalicelib.core.services.due import announce_due
from chalicelib.edge.schedule import schedule
from chalicelib.federation.network.gateways.instance_notices import INSTANCE_NOTICE_JOBS
from chalicelib.federation.network.stores.instance_notices import DynamoInstanceNotices
from chalicelib.inbox.gateways.bulk_changes import BULK_CHANGE_JOBS
from chalicelib.inbox.gateways.callbacks import CALLBACK_JOBS
from chalicelib.inbox.stores.bulk_changes import DynamoBulkChanges
from chalicelib.inbox.stores.clicks import DynamoClicks
from chalicelib.parallel import gather
from chalicelib.resources import CALLBACKS, DELIVERIES, DUE_INDEX, INBOX_CHANGES, NETWORK, NOTICES

bp = Blueprint(__name__)


@schedule(
    bp,
    minutes=1,
    grants=DELIVERIES.can("Query", index=DUE_INDEX) + DELIVERIES.can("UpdateItem") + CALLBACKS.can_send(),
)
def announce_due_callbacks(now: datetime) -> int:
    """Queue the callbacks that are due."""
    return announce_due(now, work=DynamoClicks(), queue=CALLBACK_JOBS, gather=gather)


@schedule(
    bp,
    minutes=1,
    grants=DELIVERIES.can("Query", index=DUE_INDEX) + DELIVERIES.can("UpdateItem") + INBOX_CHANGES.can_send(),
)
def announce_due_inbox_changes(now: datetime) -> int:
    """Queue the bulk changes of inboxes that no worker has continued."""
    return announce_due(now, work=DynamoBulkChanges(), queue=BULK_CHANGE_JOBS, gather=gather)


@schedule(
    bp,
    minutes=1,
    grants=NETWORK.can("Query", index=DUE_INDEX) + NETWORK.can("UpdateItem") + NOTICES.can_send(),
)
def announce_due_notices(now: datetime) -> int:
    """Queue the notices to instances that are due."""
    return announce_due(now, work=DynamoInstanceNotices(), queue=INSTANCE_NOTICE_JOBS, gather=gather)
