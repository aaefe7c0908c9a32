"""What Amazon SES publishes to an SNS topic about messages: they came back, or were called spam."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from chalicelib.core.domain.errors import Invalid
from chalicelib.reach.domain.mail_reports import MOST_RECIPIENTS, MailReport
from chalicelib.reach.domain.personal_mail import PauseReason
from chalicelib.reach.domain.sent_mails import MailName

_PERMANENT = "Permanent"
# Kinds of feedback by which nobody says that they want no mail.
_NO_COMPLAINTS = frozenset(("auth-failure", "not-spam", "virus"))


class _Published(BaseModel):
    # SES adds members as it likes, and says null for what it does not know.
    model_config = ConfigDict(alias_generator=to_camel, defer_build=True, hide_input_in_errors=True, frozen=True)


class _Recipient(_Published):
    email_address: str = Field(max_length=1000)


class _Bounce(_Published):
    bounce_type: str
    bounced_recipients: list[_Recipient]


class _Complaint(_Published):
    complained_recipients: list[_Recipient]
    complaint_feedback_type: str | None = None


class _Header(_Published):
    name: str
    value: str | None = None


class _CommonHeaders(_Published):
    message_id: str | None = None


class _Mail(_Published):
    """The message, with the headers that it had before SES wrote its own."""

    message_id: str = Field(min_length=1, max_length=200)
    headers: list[_Header] | None = None
    common_headers: _CommonHeaders | None = None


class _BounceReport(_Published):
    mail: _Mail
    bounce: _Bounce


class _ComplaintReport(_Published):
    mail: _Mail
    complaint: _Complaint


def read_ses_reports(body: Mapping[str, Any]) -> list[MailReport]:
    """Read what the topic sends on, as it is or in the envelope of SNS; nothing if it is about something else.

    SES writes alike about an identity (`notificationType`) and for a configuration set (`eventType`). Of the recipients
    it names, the first ones are read.

    Raises:
        Invalid: it is about a message that came back, or a complaint, and has another shape.
    """
    try:
        published = _unwrapped(body)
        match published.get("notificationType") or published.get("eventType"):
            case "Bounce":
                return list(_of_bounce(_BounceReport.model_validate(published)))
            case "Complaint":
                return list(_of_complaint(_ComplaintReport.model_validate(published)))
    except (ValidationError, json.JSONDecodeError) as error:
        raise Invalid("The message has not the shape of a report by Amazon SES.") from error
    return []


def _unwrapped(body: Mapping[str, Any]) -> Mapping[str, Any]:
    text = body.get("Message")
    if body.get("Type") != "Notification" or not isinstance(text, str):
        return body
    # SES tries a topic out with a sentence.
    found = json.loads(text) if text.lstrip().startswith("{") else None
    return found if isinstance(found, Mapping) else {}


def _of_bounce(report: _BounceReport) -> Iterator[MailReport]:
    is_permanent = report.bounce.bounce_type == _PERMANENT
    for each in report.bounce.bounced_recipients[:MOST_RECIPIENTS]:
        yield _to_report(report.mail, each, PauseReason.BOUNCE, is_permanent=is_permanent)


def _of_complaint(report: _ComplaintReport) -> Iterator[MailReport]:
    if report.complaint.complaint_feedback_type in _NO_COMPLAINTS:
        return
    for each in report.complaint.complained_recipients[:MOST_RECIPIENTS]:
        yield _to_report(report.mail, each, PauseReason.COMPLAINT, is_permanent=True)


def _to_report(mail: _Mail, recipient: _Recipient, reason: PauseReason, *, is_permanent: bool) -> MailReport:
    address = recipient.email_address.strip().removesuffix(">").rpartition("<")[2]
    return MailReport(_name_of(mail), address, reason, is_permanent, mail.message_id)


def _name_of(mail: _Mail) -> MailName | None:
    ids = [each.value for each in mail.headers or () if each.name.lower() == "message-id"]
    # Notifications have it here too; events have the id of SES.
    ids.append(mail.common_headers.message_id if mail.common_headers else None)
    return next((name for each in ids if each and (name := MailName.parse(each))), None)
