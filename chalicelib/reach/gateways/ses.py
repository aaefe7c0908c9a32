"""Mail by Amazon SES, in the region of this desk."""

from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import aws
from chalicelib.reach.domain.mail import MailMessage, MailOutcome, MailResult, MailSettings, result_of

# What SES refuses for good, and what it refuses until an operator changes something. Everything else may pass.
_REFUSED = frozenset(("MessageRejected", "BadRequestException"))
_MISCONFIGURED = frozenset(
    (
        "AccessDeniedException",
        "AccountSuspendedException",
        "MailFromDomainNotVerifiedException",
        "NotFoundException",
        "SendingPausedException",
    )
)


class SesMailer:
    """Sends messages as they are, through `SendEmail`. SES gives each a Message-ID of its own."""

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings

    def send(self, mail: MailMessage, /) -> MailResult:
        """Send a message, and say what SES did with it. If its reply is lost, the message may be sent twice."""
        try:
            sent = aws.mail().send_email(
                FromEmailAddress=mail.sender,
                Destination={"ToAddresses": [mail.recipient]},
                Content={"Raw": {"Data": mail.content}},
                **({"ConfigurationSetName": name} if (name := self._settings.configuration_set) else {}),
            )
        except ClientError as error:
            return outcome_of_error(error.response)
        except BotoCoreError as error:
            return result_of(MailOutcome.DEFERRED, None, type(error).__name__)
        return replace(result_of(MailOutcome.SENT, 200), provider_id=sent["MessageId"])


def outcome_of_error(response: Any) -> MailResult:
    """Say what an error of SES means for the message."""
    code, text = str(response["Error"]["Code"]), str(response["Error"].get("Message", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code == "MessageRejected" and "not verified" in text.lower():
        # The sender, or in the sandbox the recipient.
        return result_of(MailOutcome.MISCONFIGURED, status, f"{code}: {text}")
    for outcome, codes in ((MailOutcome.REFUSED, _REFUSED), (MailOutcome.MISCONFIGURED, _MISCONFIGURED)):
        if code in codes:
            return result_of(outcome, status, f"{code}: {text}")
    return result_of(MailOutcome.DEFERRED, status, f"{code}: {text}")
