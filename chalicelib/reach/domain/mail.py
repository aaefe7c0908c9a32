"""How this desk sends e-mail: its mail server, and what became of one message."""

import re
from dataclasses import dataclass
from email.utils import parseaddr
from enum import StrEnum
from typing import Annotated, Literal, Protocol, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import In, Line, email_address
from chalicelib.core.domain.links import is_loopback

# A name of RFC 1123, or an address in the form of IPv4 or IPv6.
_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.(?!-)[A-Za-z0-9-]{1,63})*|[0-9A-Fa-f:]{2,45}")
_MOST_DETAIL = 300


class Transport(StrEnum):
    """By what mail leaves this desk: a mail server (SMTP), or Amazon SES."""

    SMTP = "smtp"
    SES = "ses"


class Security(StrEnum):
    """How a connection to a mail server is encrypted: by STARTTLS, from its first byte, or not at all."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


# The ports of RFC 6409, RFC 8314 and RFC 5321.
PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise PydanticCustomError("host", "Must be the name or the address of a host, without scheme and port")
    return text.lower()


def _sender(text: str) -> str:
    name, address = parseaddr(text)
    if not address or "," in address or text.count("@") != 1:
        raise PydanticCustomError("sender", "Must be an address, or a name and an address: Fluxden <desk@example.com>")
    email_address(address)
    name.encode()
    return text


Sender = Annotated[Line, Field(min_length=3, max_length=200), AfterValidator(_sender)]
Host = Annotated[str, Field(min_length=1, max_length=253), AfterValidator(_host)]


class SmtpIn(In):
    """A mail server. Without a user nobody logs in. A password only travels encrypted, or inside this machine."""

    transport: Literal[Transport.SMTP] = Transport.SMTP
    sender: Sender
    host: Host
    port: int = Field(ge=1, le=65535)
    security: Security
    user: Line | None = Field(None, min_length=1, max_length=200)

    @model_validator(mode="after")
    def _login_is_encrypted(self) -> Self:
        if self.user and self.security is Security.NONE and not is_loopback(self.host):
            raise PydanticCustomError("login", "A password is only sent over TLS. Use starttls or tls")
        return self


class SesIn(In):
    """Amazon SES in the region of this desk."""

    transport: Literal[Transport.SES] = Transport.SES
    sender: Sender
    configuration_set: str | None = Field(None, pattern=r"^[A-Za-z0-9_-]{1,64}$")


@dataclass(frozen=True)
class MailSettings:
    """By what this desk sends mail, and as whom. The password of a mail server is stored apart, sealed."""

    transport: Transport
    sender: str
    host: str | None = None
    port: int | None = None
    security: Security | None = None
    user: str | None = None
    configuration_set: str | None = None

    @property
    def sender_address(self) -> str:
        return parseaddr(self.sender)[1]

    @property
    def place(self) -> str:
        """What takes the mail, in words for an operator."""
        return f"{self.host}:{self.port}" if self.transport is Transport.SMTP else "Amazon SES"


@dataclass(frozen=True)
class MailMessage:
    """A message as it is sent, with the addresses of its envelope."""

    sender: str
    recipient: str
    content: bytes


class MailOutcome(StrEnum):
    """What a mail server did with a message.

    `sent`: it takes care of it. `deferred`: it may take it later. `misconfigured`: it takes nothing from this desk
    until an operator changes something. `refused`: it never takes this message. `no_mailbox`: it never takes mail for
    this address.
    """

    SENT = "sent"
    DEFERRED = "deferred"
    MISCONFIGURED = "misconfigured"
    REFUSED = "refused"
    NO_MAILBOX = "no_mailbox"

    @property
    def is_worth_retrying(self) -> bool:
        return self in (MailOutcome.DEFERRED, MailOutcome.MISCONFIGURED)


@dataclass(frozen=True)
class MailResult:
    """The outcome of sending a message. `status` is the server's code, if it gave one; `detail` is for operators.

    `provider_id` is the id by which Amazon SES names the message in what it reports.
    """

    outcome: MailOutcome
    status: int | None = None
    detail: str = ""
    provider_id: str | None = None

    @property
    def failure(self) -> str | None:
        """Why a message was not taken, without the server's text, which may repeat the address."""
        if self.outcome is MailOutcome.SENT:
            return None
        return f"{self.outcome.value} {self.status}" if self.status else self.outcome.value


class Mailer(Protocol):
    """Sends one message; failures are results. Not a store call."""

    def send(self, mail: MailMessage, /) -> MailResult: ...


def result_of(outcome: MailOutcome, status: int | None = None, detail: str | bytes = "") -> MailResult:
    """Make a result whose detail is one short line of printable characters, whatever a server said."""
    text = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else detail
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return MailResult(outcome, status, line[:_MOST_DETAIL])


# Enhanced codes (RFC 3463) that are about the mailbox or its host: X.1.1 to X.1.3, X.1.6, X.1.10, X.2.1.
_ABOUT_MAILBOX = re.compile(r"5\.(1\.(1|2|3|6|10)|2\.1)(?!\d)")
_ANY_CODE = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
# Without an enhanced code, these replies to RCPT say that there is no such mailbox (RFC 5321, 4.2.3).
_NO_MAILBOX = (550, 551, 553)


def is_about_mailbox(status: int, detail: str) -> bool:
    """Say whether a server's refusal of a recipient means that its mailbox takes no mail, now and later.

    Refusals for policy, such as spam, relaying or a full mailbox, are not about it.
    """
    if _ANY_CODE.search(detail):
        return bool(_ABOUT_MAILBOX.search(detail))
    return status in _NO_MAILBOX and "relay" not in detail.lower()
