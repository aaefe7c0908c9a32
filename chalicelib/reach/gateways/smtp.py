"""Mail by a mail server of the operator's choice (RFC 5321), with STARTTLS or TLS from the first byte.

The server's name is the operator's, so private addresses are allowed. Certificates are always verified, with what the
machine trusts (`SSL_CERT_FILE` adds a company's own authority).
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic

from chalicelib.reach.domain.mail import (
    MailMessage,
    MailOutcome,
    MailResult,
    MailSettings,
    Security,
    is_about_mailbox,
    result_of,
)

# For the connection, and for each reply.
TIMEOUT_SECONDS = 10.0
# A worker has a minute for a message, and must still record that it was taken. So what comes before DATA ends by then.
MOST_SECONDS_BEFORE_DATA = 30.0
QUIT_SECONDS = 1.0
_PERMANENT = 500


class SmtpMailer:
    """Sends over one connection for each message; nothing is kept open between them."""

    def __init__(self, settings: MailSettings, password: str | None) -> None:
        self._settings, self._password = settings, password
        self._ends_at = 0.0

    def send(self, mail: MailMessage, /) -> MailResult:
        """Send a message, and say what the server did with it.

        If the connection is lost after the message was sent and before the server's reply, nobody knows: it is
        deferred, and may be sent twice.
        """
        self._ends_at = monotonic() + MOST_SECONDS_BEFORE_DATA
        try:
            with self._connected() as server:
                self._begin(server)
                return self._deliver(server, mail)
        except _Misconfigured as error:
            return result_of(MailOutcome.MISCONFIGURED, error.status, str(error))
        except ssl.SSLError as error:
            return result_of(MailOutcome.MISCONFIGURED, None, f"TLS: {error.reason or type(error).__name__}")
        except smtplib.SMTPResponseException as error:
            return result_of(_outcome_of(error.smtp_code), error.smtp_code, error.smtp_error)
        except (smtplib.SMTPException, OSError) as error:
            return result_of(MailOutcome.DEFERRED, None, f"{self._settings.place}: {_reason(error)}")

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        given = self._settings
        assert given.host and given.port
        server = (
            smtplib.SMTP_SSL(given.host, given.port, timeout=TIMEOUT_SECONDS, context=_trust())
            if given.security is Security.TLS
            else smtplib.SMTP(given.host, given.port, timeout=TIMEOUT_SECONDS)
        )
        try:
            yield server
        finally:
            # What was taken stays taken, so nothing that happens while the connection ends is of interest.
            with suppress(smtplib.SMTPException, OSError):
                _limit_replies(server, QUIT_SECONDS)
                server.quit()
            server.close()

    def _begin(self, server: smtplib.SMTP) -> None:
        """Greet, encrypt and log in, in this order; a password is never sent before the connection is encrypted."""
        self._wait_no_longer_than_is_left(server)
        server.ehlo_or_helo_if_needed()
        if self._settings.security is Security.STARTTLS:
            # Somebody on the way may have taken the offer out of the reply, so there is no other way on.
            if not server.has_extn("starttls"):
                raise _Misconfigured("The server offers no STARTTLS.")
            self._wait_no_longer_than_is_left(server)
            code, reply = server.starttls(context=_trust())
            if code != 220:  # noqa: PLR2004 - RFC 3207
                raise _Misconfigured(reply.decode("utf-8", "replace"), code)
            self._wait_no_longer_than_is_left(server)
            server.ehlo()
        if self._settings.user:
            self._wait_no_longer_than_is_left(server)
            try:
                server.login(self._settings.user, self._password or "")
            except smtplib.SMTPNotSupportedError as error:
                raise _Misconfigured("The server offers no login that this desk knows.") from error
            except smtplib.SMTPAuthenticationError as error:
                if error.smtp_code < _PERMANENT:
                    raise
                raise _Misconfigured("The server refused user and password.", error.smtp_code) from error

    def _deliver(self, server: smtplib.SMTP, mail: MailMessage) -> MailResult:
        """Send the message; the reply to each command has its own meaning, so `sendmail` is of no use here."""
        options = [f"SIZE={len(mail.content)}"] if server.has_extn("size") else []
        if not (mail.sender.isascii() and mail.recipient.isascii()):
            if not server.has_extn("smtputf8"):
                return result_of(MailOutcome.REFUSED, None, "The server takes only addresses of ASCII characters.")
            options.append("SMTPUTF8")
            # `smtplib` encodes addresses by this.
            server.command_encoding = "utf-8"
        self._wait_no_longer_than_is_left(server)
        code, reply = server.mail(mail.sender, options)
        if code != 250:  # noqa: PLR2004 - RFC 5321
            outcome = MailOutcome.MISCONFIGURED if code >= _PERMANENT and code != _TOO_LARGE else _outcome_of(code)
            return result_of(outcome, code, reply)
        self._wait_no_longer_than_is_left(server)
        code, reply = server.rcpt(mail.recipient)
        if code not in (250, 251):
            return _of_recipient(code, reply.decode("utf-8", "replace"))
        self._wait_no_longer_than_is_left(server)
        _limit_replies(server, TIMEOUT_SECONDS)
        code, reply = server.data(mail.content)
        if code != 250:  # noqa: PLR2004 - RFC 5321
            return result_of(_outcome_of(code), code, reply)
        return result_of(MailOutcome.SENT, code, reply)

    def _wait_no_longer_than_is_left(self, server: smtplib.SMTP) -> None:
        left = self._ends_at - monotonic()
        if left <= 0:
            raise TimeoutError
        _limit_replies(server, min(TIMEOUT_SECONDS, left))


_TOO_LARGE = 552


class _Misconfigured(Exception):
    """The server takes nothing from this desk until an operator changes something."""

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


def _limit_replies(server: smtplib.SMTP, seconds: float) -> None:
    if server.sock:  # it is None once the connection is lost
        server.sock.settimeout(seconds)


def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()


def _outcome_of(code: int) -> MailOutcome:
    return MailOutcome.REFUSED if code >= _PERMANENT else MailOutcome.DEFERRED


def _of_recipient(code: int, detail: str) -> MailResult:
    if code < _PERMANENT:
        return result_of(MailOutcome.DEFERRED, code, detail)
    outcome = MailOutcome.NO_MAILBOX if is_about_mailbox(code, detail) else MailOutcome.REFUSED
    return result_of(outcome, code, detail)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return "no reply in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
