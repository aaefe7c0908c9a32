"""Worker of the queue `email`: one message to one person per message of the queue."""

import random
from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib.core.domain.retries import JITTER
from chalicelib.core.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.edge.consumer import consumer
from chalicelib.ids import new_nonce
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.people.stores.profiles import DynamoProfiles
from chalicelib.reach.domain.jobs import EmailJob
from chalicelib.reach.domain.messages import Origin
from chalicelib.reach.gateways.email_jobs import EMAIL_JOBS
from chalicelib.reach.gateways.mailers import mailer_of
from chalicelib.reach.services.mail_sender import MailSender
from chalicelib.reach.stores.digests import DynamoDigests
from chalicelib.reach.stores.mail_settings import DynamoMailSettings
from chalicelib.reach.stores.personal_mail import DynamoPersonalMail
from chalicelib.reach.stores.preferences import DynamoPreferences
from chalicelib.reach.stores.sent_mails import DynamoSentMails
from chalicelib.reach.unsubscribe import unsubscribe_url
from chalicelib.resources import DELIVERIES, DIRECTORY, EMAIL, IDEMPOTENCY, MAIL_SERVICE, UNSEAL
from chalicelib.settings import settings

bp = Blueprint(__name__)


def _origin(sender: str, user_id: str) -> Origin:
    base_url = settings().base_url
    return Origin(sender, base_url, unsubscribe_url(base_url, user_id))


# One message at a time: a slow mail server does not delay other messages of a batch.
@consumer(
    bp,
    EMAIL,
    failures=DynamoFailures(),
    batch_size=1,
    grants=NOTE_FAILURE
    + UNSEAL
    + DELIVERIES.can("Query", "GetItem", "BatchGetItem", "PutItem", "UpdateItem", "ConditionCheckItem")
    + DIRECTORY.can("GetItem", "BatchGetItem", "Query", "UpdateItem", "ConditionCheckItem")
    + IDEMPOTENCY.can("UpdateItem")
    + EMAIL.can_send()
    + MAIL_SERVICE.can_send(),
)
def send_mail(message: EmailJob) -> None:
    """Send a person an e-mail: about a delivery, or a digest.

    Failures are retried for an hour, then become dead letters.
    """
    directory = DynamoDirectory()
    MailSender(
        settings=DynamoMailSettings(),
        people=directory,
        profiles=DynamoProfiles(),
        mails=DynamoPersonalMail(),
        deliveries=DynamoDeliveries(),
        digests=DynamoDigests(),
        preferences=DynamoPreferences(),
        sent=DynamoSentMails(),
        mailer_of=mailer_of,
        origin_of=_origin,
        queue=EMAIL_JOBS,
        gather=gather,
        clock=lambda: datetime.now(UTC),
        attempt_id=new_nonce(),
        spread=random.uniform(1 - JITTER, 1 + JITTER),  # noqa: S311 - spreads retries
    ).run(message)
