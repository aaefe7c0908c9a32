"""Worker of the queue `mail-reports`: what Amazon SES says of messages that came back, or were called spam."""

import logging
from datetime import UTC, datetime

from chalice.app import Blueprint
from pydantic import BaseModel, ConfigDict, Field

from chalicelib.core.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.edge.consumer import consumer
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.reach.gateways.ses_reports import read_ses_reports
from chalicelib.reach.services.mail_reports import MailReports
from chalicelib.reach.stores.personal_mail import DynamoPersonalMail
from chalicelib.reach.stores.sent_mails import DynamoSentMails
from chalicelib.resources import DELIVERIES, DIRECTORY, MAIL_REPORTS

bp = Blueprint(__name__)
log = logging.getLogger("fluxden")


class TopicMessage(BaseModel):
    """What an SNS topic sends on: what was published, as it is or as the text in the envelope of SNS."""

    model_config = ConfigDict(populate_by_name=True, extra="allow", defer_build=True, hide_input_in_errors=True)

    type: str | None = Field(None, alias="Type")
    text: str | None = Field(None, alias="Message")
    notification_type: str | None = Field(None, alias="notificationType")
    event_type: str | None = Field(None, alias="eventType")


@consumer(
    bp,
    MAIL_REPORTS,
    failures=DynamoFailures(),
    grants=NOTE_FAILURE
    + DELIVERIES.can("GetItem")
    + DIRECTORY.can("GetItem", "BatchGetItem", "UpdateItem", "ConditionCheckItem"),
)
def apply_mail_report(message: TopicMessage) -> None:
    """Pause the addresses that Amazon SES says take no mail, or complain.

    A report on a message that is still being sent comes again.
    """
    reports = MailReports(DynamoSentMails(), DynamoDirectory(), DynamoPersonalMail(), lambda: datetime.now(UTC))
    for report in read_ses_reports(message.model_dump(by_alias=True)):
        log.info("a report by Amazon SES (%s): %s", report.reason.value, reports.apply(report).value)
