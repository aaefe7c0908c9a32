"""The mailbox of a local desk: it keeps what the desk sends, for whoever sits at this machine."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from chalicelib.reach.domain.mail import MailOutcome, MailSettings, Security, Transport
from chalicelib.reach.domain.messages import trial_message
from chalicelib.reach.gateways.smtp import SmtpMailer
from chalicelib.reach.stores.mail_settings import DynamoMailSettings
from infra.local.gateway import MAILBOX_PATH
from infra.local.mailbox import Mailbox

HOST = "127.0.0.1:8000"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Mailbox(listener)
        yield made
        made.stop()


def send(settings: MailSettings, *recipients: str) -> None:
    for each in recipients:
        message = trial_message(settings.sender, each, message_id="m", now=datetime.now(UTC))
        assert SmtpMailer(settings, None).send(message).outcome is MailOutcome.SENT


def settings_of(mailbox: Mailbox) -> MailSettings:
    mailbox.register()
    found = DynamoMailSettings().find()
    assert found
    return found


@pytest.mark.usefixtures("desk")
def test_messages_are_shown_as_text_the_newest_first_and_as_html(mailbox: Mailbox) -> None:
    assert mailbox.answer("GET", MAILBOX_PATH, HOST, None)["body"] == "No mail yet.\n"
    send(settings_of(mailbox), "alice@example.com", "bob@example.com")
    shown = mailbox.answer("GET", f"{MAILBOX_PATH}?x=1", HOST, "127.0.0.1")
    assert shown["statusCode"] == 200
    assert shown["body"].index("To: bob@example.com") < shown["body"].index("To: alice@example.com")
    assert "This desk can send e-mail." in shown["body"]
    html = mailbox.answer("HEAD", f"{MAILBOX_PATH}/2.html", HOST, None)
    assert html["body"].startswith("<!doctype html>")
    assert "default-src 'none'" in html["headers"]["Content-Security-Policy"]


@pytest.mark.usefixtures("desk")
def test_the_newest_hundred_are_kept(mailbox: Mailbox) -> None:
    send(settings_of(mailbox), *(f"p{each}@example.com" for each in range(101)))
    shown = mailbox.answer("GET", MAILBOX_PATH, HOST, None)["body"]
    assert (shown.count("To: "), "To: p0@" in shown, "To: p100@" in shown) == (100, False, True)


def test_only_this_machine_reads_it(mailbox: Mailbox) -> None:
    for host, peer in (("evil.example", "127.0.0.1"), ("", None), ("[", None), (HOST, "10.0.0.5")):
        assert mailbox.answer("GET", MAILBOX_PATH, host, peer)["statusCode"] == 403
    for host in ("localhost", "[::1]:8000", HOST):
        assert mailbox.answer("GET", MAILBOX_PATH, host, "::1")["statusCode"] == 200
    assert mailbox.answer("POST", MAILBOX_PATH, HOST, None)["statusCode"] == 405
    assert mailbox.answer("GET", f"{MAILBOX_PATH}/1.html", HOST, None)["statusCode"] == 404


@pytest.mark.usefixtures("desk")
def test_a_mail_server_that_an_operator_named_stays(mailbox: Mailbox) -> None:
    chosen = MailSettings(Transport.SMTP, "desk@example.com", "mail.example.com", 587, Security.STARTTLS)
    DynamoMailSettings().save(chosen, None)
    assert settings_of(mailbox) == chosen
