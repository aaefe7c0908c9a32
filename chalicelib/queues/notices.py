"""Worker of the queue `notices`: one attempt to notify an instance of a decision, or to confirm one, per message."""

import random
import secrets
from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.core.domain.measures import NOTICE_ATTEMPTS
from chalicelib.core.domain.retries import JITTER
from chalicelib.core.gateways import http
from chalicelib.core.services.attempts import AttemptRunner
from chalicelib.core.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.edge.consumer import consumer
from chalicelib.federation.connections.services.desk_calls import DeskCalls
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.network.domain.instance_notices import InstanceNoticeJob
from chalicelib.federation.network.gateways.instance_notices import INSTANCE_NOTICE_JOBS
from chalicelib.federation.network.services.challenges import Challenger, RegistrationConfirmer
from chalicelib.federation.network.services.instance_notices import attempt_notice
from chalicelib.federation.network.stores.instance_notices import DynamoInstanceNotices
from chalicelib.federation.network.stores.instances import DynamoInstances
from chalicelib.federation.network.stores.marketplace import DynamoMarketplace
from chalicelib.federation.network.stores.registrations import DynamoRegistrations
from chalicelib.resources import NETWORK, NOTICES, PEERS, TOKENS, UNSEAL
from chalicelib.settings import settings

bp = Blueprint(__name__)


def _count(outcome: str) -> None:
    NOTICE_ATTEMPTS.add(to="instance", outcome=outcome)


# One message at a time: a slow instance does not delay the notices of others.
@consumer(
    bp,
    NOTICES,
    failures=DynamoFailures(),
    batch_size=1,
    grants=NOTE_FAILURE
    + UNSEAL
    + PEERS.can("GetItem")
    + NETWORK.can("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")
    + TOKENS.can("DeleteItem")
    + NOTICES.can_send(),
)
def deliver_notice(message: InstanceNoticeJob) -> None:
    """Make the attempt that is due. A failure of the instance is recorded; only our own failure returns the message."""
    runner = AttemptRunner(
        rows=DynamoInstanceNotices(),
        queue=INSTANCE_NOTICE_JOBS,
        clock=lambda: datetime.now(UTC),
        lease_id=ids.new_nonce(),
        spread=random.uniform(1 - JITTER, 1 + JITTER),  # noqa: S311 - spreads retries
        count=_count,
    )
    calls = DeskCalls(DynamoFederation(), http.post_and_read, http.get)
    attempt_notice(
        message,
        source=settings().base_url or "fluxden",
        runner=runner,
        notices=DynamoInstanceNotices(),
        recipients=DynamoMarketplace(),
        post=calls.post,
        post_status=DeskCalls(DynamoFederation(), http.post_and_read, http.get, includes_suspended=True).post,
        confirmer=RegistrationConfirmer(
            challenger=Challenger(calls.get, settings().base_url),
            instances=DynamoInstances(),
            registrations=DynamoRegistrations(),
            runner=runner,
            nonce=secrets.token_urlsafe(24),
        ),
    )
