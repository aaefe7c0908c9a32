"""What mail servers report about a message that was sent: it came back, or was called spam.

A report is a claim: whoever knows a message can write one. `services.mail_reports` says what one is believed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, message_from_string
from email.message import Message
from itertools import islice
from typing import Any

from chalicelib.reach.domain.mail import is_about_mailbox
from chalicelib.reach.domain.personal_mail import PauseReason
from chalicelib.reach.domain.sent_mails import MailName

MOST_BYTES = 1_000_000
# A message of ours has one recipient, whom a report names by one address or two.
MOST_RECIPIENTS = 10
# The code of RFC 3463 that says nothing but that it failed.
_UNSPECIFIC, _ANY_REFUSAL = "5.0.0", 500
_CODE = re.compile(r"\b(5\d\d)\b")


@dataclass(frozen=True)
class MailReport:
    """What is said about a message to one recipient.

    `is_permanent` says that the address takes no mail, now and later; a complaint always is. `provider_id` is the id
    that the reporting service gave the message, if it gives any.
    """

    name: MailName | None
    recipient: str
    reason: PauseReason
    is_permanent: bool
    provider_id: str | None = None


def read_report_message(content: bytes) -> list[MailReport] | None:
    """Read a delivery report (RFC 3464) or a complaint (RFC 5965); None if the message is neither.

    Of the recipients it names, the first ones are read.
    """
    try:
        return _read(content)
    except RecursionError:  # parts in parts in parts
        return None


def _read(content: bytes) -> list[MailReport] | None:
    # The parser of this form takes whatever comes; the newer one fails on headers that are malformed.
    message = message_from_bytes(content)
    if message.get_content_type() != "multipart/report":
        return None
    parts = list(message.walk())
    name = _name_of_original(parts)
    for part in parts:
        if part.get_content_type() == "message/delivery-status":
            return list(islice(_of_delivery_status(part, name), MOST_RECIPIENTS))
        if part.get_content_type() == "message/feedback-report":
            return list(islice(_of_complaint(part, name), MOST_RECIPIENTS))
    return None


def _name_of_original(parts: list[Message]) -> MailName | None:
    """Find the Message-ID of the message that the report is about, which it has whole, or its headers."""
    for part in parts:
        if part.get_content_type() == "text/rfc822-headers":
            payload = part.get_payload(decode=True)
            found = message_from_bytes(payload if isinstance(payload, bytes) else b"")["Message-ID"]
        elif part.get_content_type() == "message/rfc822":
            found = next((each["Message-ID"] for each in _blocks(part)), None)
        else:
            continue
        if found and (name := MailName.parse(str(found))):
            return name
    return None


def _blocks(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []


def _of_delivery_status(part: Message, name: MailName | None) -> Iterator[MailReport]:
    for block in _blocks(part):
        if str(block.get("Action", "")).strip().lower() != "failed":
            continue  # it is delayed, or was delivered, or passed on; or the block is about the whole message
        is_permanent = _is_about_mailbox(str(block.get("Status", "")).strip(), str(block.get("Diagnostic-Code", "")))
        # The final recipient is where it was forwarded to, if that is another one.
        addresses = [_address(block.get(each)) for each in ("Original-Recipient", "Final-Recipient")]
        for address in dict.fromkeys(each for each in addresses if each):
            yield MailReport(name, address, PauseReason.BOUNCE, is_permanent)


def _is_about_mailbox(status: str, diagnostic: str) -> bool:
    if not status.startswith("5."):
        return False
    if status != _UNSPECIFIC:
        return is_about_mailbox(_ANY_REFUSAL, status)
    code = _CODE.search(diagnostic)
    return code is not None and is_about_mailbox(int(code[1]), diagnostic)


def _of_complaint(part: Message, name: MailName | None) -> Iterator[MailReport]:
    for block in _blocks(part) or [message_from_string(str(part.get_payload()))]:
        if str(block.get("Feedback-Type", "")).strip().lower() == "abuse":
            for each in block.get_all("Original-Rcpt-To", []):
                yield MailReport(name, _address(each), PauseReason.COMPLAINT, is_permanent=True)


def _address(value: Any) -> str:
    """Return the address of a value such as `rfc822; alice@example.com`."""
    return str(value or "").rpartition(";")[2].strip().strip("<>")
