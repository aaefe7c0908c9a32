"""Mail leaves this desk by a mail server or by SES, and a password leaves it encrypted only."""

import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws
from moto.ses.models import ses_backends
from moto.sesv2.models import sesv2_backends
from pydantic import ValidationError

from chalicelib import aws
from chalicelib.reach.domain.mail import (
    MailMessage,
    MailOutcome,
    MailResult,
    MailSettings,
    Security,
    SmtpIn,
    Transport,
    is_about_mailbox,
)
from chalicelib.reach.domain.messages import trial_message
from chalicelib.reach.gateways import smtp
from chalicelib.reach.gateways.mailers import mailer_of
from chalicelib.reach.gateways.ses import outcome_of_error
from tests.support.mail_server import PASSWORD, USER, mail_server

SENDER = "Fluxden <desk@example.com>"
TO = "alice@example.com"


def message(to: str = TO) -> MailMessage:
    return trial_message(SENDER, to, message_id="one", now=datetime(2026, 3, 4, tzinfo=UTC))


def settings(port: int, security: Security = Security.NONE, *, user: str | None = None) -> MailSettings:
    return MailSettings(Transport.SMTP, SENDER, "127.0.0.1", port, security, user)


def send(given: MailSettings, password: str | None = None, *, to: str = TO) -> MailResult:
    return mailer_of(given, password).send(message(to))


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose `cert.pem` this process trusts, as with a company's own authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    return tmp_path


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_mail_is_sent_encrypted_after_logging_in(trusted: Path, security: Security) -> None:
    with mail_server(trusted, security=security) as server:
        result = send(settings(server.port, security, user=USER), PASSWORD)
    (received,) = server.received
    assert result.outcome is MailOutcome.SENT
    assert (received.sender, received.recipients, received.is_encrypted) == ("desk@example.com", [TO], True)
    assert server.logins == [(USER, True)]


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_certificate_that_nobody_trusts_is_refused_before_anything_is_sent(
    tmp_path: Path, security: Security
) -> None:
    with mail_server(tmp_path, security=security) as server:
        result = send(settings(server.port, security, user=USER), PASSWORD)
    assert (result.outcome, result.detail) == (MailOutcome.MISCONFIGURED, "TLS: CERTIFICATE_VERIFY_FAILED")
    assert not server.logins
    assert not server.received


def test_a_password_is_not_sent_where_somebody_removed_the_offer_of_starttls(tmp_path: Path) -> None:
    with mail_server(tmp_path, security="starttls", offers_starttls=False) as server:
        result = send(settings(server.port, Security.STARTTLS, user=USER), PASSWORD)
    assert (result.outcome, result.detail) == (MailOutcome.MISCONFIGURED, "The server offers no STARTTLS.")
    assert not server.logins


def test_a_wrong_password_is_for_an_operator_to_mend(trusted: Path) -> None:
    with mail_server(trusted, security="starttls") as server:
        result = send(settings(server.port, Security.STARTTLS, user=USER), "wrong")
    assert (result.outcome, result.status) == (MailOutcome.MISCONFIGURED, 535)


def test_a_password_without_tls_is_for_this_machine_only() -> None:
    given: dict[str, Any] = {"sender": SENDER, "port": 25, "security": Security.NONE}
    assert SmtpIn(host="127.0.0.1", user="desk", **given).user == "desk"
    assert SmtpIn(host="mail.example.com", **given).user is None
    with pytest.raises(ValidationError, match="only sent over TLS"):
        SmtpIn(host="mail.example.com", user="desk", **given)


@pytest.mark.parametrize("host", ["", "mail server", "https://mail.example.com", "mail.example.com:25", "a\r\nb", "-a"])
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    with pytest.raises(ValidationError):
        SmtpIn(sender=SENDER, host=host, port=25, security=Security.STARTTLS)


@pytest.mark.parametrize(
    ("command", "reply", "outcome"),
    [
        ("RCPT", "450 4.2.1 Busy", MailOutcome.DEFERRED),
        ("RCPT", "452 4.2.2 Mailbox full", MailOutcome.DEFERRED),
        ("RCPT", "550 5.1.1 No such user", MailOutcome.NO_MAILBOX),
        ("RCPT", "550 No such user", MailOutcome.NO_MAILBOX),
        ("RCPT", "550 5.7.1 Blocked for spam", MailOutcome.REFUSED),
        ("RCPT", "554 5.7.1 Relay access denied", MailOutcome.REFUSED),
        ("MAIL", "451 4.3.0 Try again", MailOutcome.DEFERRED),
        ("MAIL", "553 5.7.1 Not your address", MailOutcome.MISCONFIGURED),
        ("DATA", "451 4.7.1 Greylisted", MailOutcome.DEFERRED),
        ("DATA", "554 5.7.1 Spam", MailOutcome.REFUSED),
    ],
)
def test_what_a_server_answers_decides_whether_it_is_asked_again(
    tmp_path: Path, command: str, reply: str, outcome: MailOutcome
) -> None:
    with mail_server(tmp_path) as server:
        server.replies[command] = reply
        result = send(settings(server.port))
    assert (result.outcome, result.status) == (outcome, int(reply[:3]))
    assert result.outcome.is_worth_retrying is (outcome in (MailOutcome.DEFERRED, MailOutcome.MISCONFIGURED))
    assert not server.received


def test_a_server_that_is_lost_after_the_message_may_be_sent_it_again(tmp_path: Path) -> None:
    with mail_server(tmp_path) as server:
        server.drops_after_data = True
        assert send(settings(server.port)).outcome is MailOutcome.DEFERRED
    assert len(server.received) == 1


def test_a_server_that_does_not_answer_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        result = send(settings(silent.getsockname()[1]))
    assert (result.outcome, result.detail[-16:]) == (MailOutcome.DEFERRED, "no reply in time")


def test_a_server_that_is_slow_in_all_is_sent_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "MOST_SECONDS_BEFORE_DATA", 0.0)
    with mail_server(tmp_path) as server:
        result = send(settings(server.port))
    assert (result.outcome, result.detail[-16:]) == (MailOutcome.DEFERRED, "no reply in time")
    assert not server.received


def test_what_was_taken_does_not_wait_for_the_end_of_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = list[float | None]()
    monkeypatch.setattr(smtplib.SMTP, "quit", lambda server: waits.append(server.sock.gettimeout()))
    with mail_server(tmp_path) as server:
        assert send(settings(server.port)).outcome is MailOutcome.SENT
    assert waits == [smtp.QUIT_SECONDS]


def test_a_server_that_is_down_or_speaks_nonsense_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert send(settings(port)).outcome is MailOutcome.DEFERRED
    with _answering(b"\x00\xff\r\n\r\n") as port:
        assert send(settings(port)).outcome in (MailOutcome.DEFERRED, MailOutcome.REFUSED)


@contextmanager
def _answering(answer: bytes) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connected, _ = server.accept()
            with connected:
                connected.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_an_address_beyond_ascii_arrives_as_it_is(tmp_path: Path) -> None:
    with mail_server(tmp_path) as server:
        assert send(settings(server.port), to="用户@bücher.example").outcome is MailOutcome.SENT
    assert server.received[0].recipients == ["用户@xn--bcher-kva.example"]


@pytest.mark.parametrize(
    ("status", "detail", "about"),
    [
        (550, "5.1.1 <a@example.com>: no such user", True),
        (550, "5.2.1 disabled", True),
        (550, "5.1.10 null MX", True),
        (550, "5.7.1 5.1.1", True),
        (550, "5.2.2 mailbox full", False),
        (550, "5.7.26 unauthenticated", False),
        (554, "no reason", False),
        (550, "relaying denied", False),
    ],
)
def test_only_refusals_about_the_mailbox_are_about_the_mailbox(status: int, detail: str, about: bool) -> None:
    assert is_about_mailbox(status, detail) is about


@pytest.fixture
def ses() -> Iterator[Any]:
    """The client of SES, with what moto stores of it."""
    mock = mock_aws(config={"core": {"reset_boto3_session": False}})
    # What the embedded engine has stays as it is.
    mock.start(reset=False)
    aws._clients.pop("sesv2", None)
    yield aws.mail()
    aws._clients.pop("sesv2", None)
    mock.stop(remove_data=False)
    ses_backends.reset()
    sesv2_backends.reset()


@pytest.mark.engine("embedded")
def test_ses_is_sent_the_message_as_it_is(ses: Any) -> None:
    ses.create_email_identity(EmailIdentity="desk@example.com")
    sent = message()
    assert mailer_of(MailSettings(Transport.SES, SENDER), None).send(sent).outcome is MailOutcome.SENT
    stored = [each for regions in ses_backends.values() for one in regions.values() for each in one.sent_messages]
    # moto may count the address of the header too.
    assert {(each.source, *sorted({*each.destinations}), each.raw_data) for each in stored} == {
        ("desk@example.com", TO, sent.content.decode())
    }


@pytest.mark.engine("embedded")
@pytest.mark.usefixtures("ses")
def test_ses_takes_nothing_from_a_sender_that_it_does_not_know() -> None:
    result = mailer_of(MailSettings(Transport.SES, SENDER), None).send(message())
    assert (result.outcome, result.status) == (MailOutcome.REFUSED, 400)


@pytest.mark.parametrize(
    ("code", "text", "outcome"),
    [
        ("MessageRejected", "Email address is not verified. The following identities failed", "misconfigured"),
        ("MessageRejected", "Transaction failed: virus found", "refused"),
        ("MailFromDomainNotVerifiedException", "Not verified", "misconfigured"),
        ("AccessDeniedException", "is not authorized to perform ses:SendRawEmail", "misconfigured"),
        ("NotFoundException", "Configuration set fluxden does not exist", "misconfigured"),
        ("SendingPausedException", "Sending is paused", "misconfigured"),
        ("BadRequestException", "Domain contains dot-string", "refused"),
        ("TooManyRequestsException", "Maximum sending rate exceeded", "deferred"),
        ("LimitExceededException", "Daily message quota exceeded", "deferred"),
        ("InternalFailure", "", "deferred"),
    ],
)
def test_what_ses_answers_decides_whether_it_is_asked_again(code: str, text: str, outcome: str) -> None:
    assert outcome_of_error({"Error": {"Code": code, "Message": text}}).outcome == outcome
