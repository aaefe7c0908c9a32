"""`admin mail`: by what this desk sends, and a message that proves it."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chalicelib import aws
from chalicelib.core.stores.items import from_item
from chalicelib.reach.domain.mail import MailSettings, Security, Transport
from chalicelib.reach.stores.mail_settings import DynamoMailSettings
from chalicelib.resources import AUDIT, DIRECTORY
from infra.admin import main
from tests.support.mail_server import PASSWORD, USER, mail_server
from tests.support.worker_scenarios import scan_rows

SENDER = "Fluxden <desk@example.com>"


def run(*args: str, password: str | None = None) -> Result:
    return CliRunner().invoke(main, ["mail", *args], prog_name="admin", env={"MAIL_PASSWORD": password})


def done(*args: str, password: str | None = None) -> str:
    result = run(*args, password=password)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*args: str) -> str:
    result = run(*args)
    assert result.exit_code in (1, 2), result.output
    return result.stderr.strip().splitlines()[-1]


@pytest.mark.usefixtures("desk")
def test_a_test_message_arrives_by_the_server_that_was_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with mail_server(tmp_path, security="starttls") as server:
        place = ("--host", "127.0.0.1", "--port", str(server.port), "--user", USER)
        done("smtp", *place, "--from", SENDER, password=PASSWORD)
        assert done("test", "--to", "me@example.com") == f"127.0.0.1:{server.port} took a message to me@example.com.\n"
    (received,) = server.received
    assert (received.sender, received.recipients) == ("desk@example.com", ["me@example.com"])
    assert received.message["From"] == SENDER
    assert "This desk can send e-mail." in received.part("plain")
    assert "此服务台可以发送邮件" in received.part("html")


@pytest.mark.usefixtures("desk")
def test_the_password_is_stored_sealed_and_shown_to_nobody() -> None:
    shown = done("smtp", "--host", "Mail.example.com", "--user", USER, "--from", SENDER, password=PASSWORD)
    row = aws.dynamodb().get_item(
        TableName=DIRECTORY.physical_name, Key={"pk": {"S": "DESK"}, "sk": {"S": "MAIL"}}, ConsistentRead=True
    )["Item"]
    assert PASSWORD not in shown + done("show") + done("show", "--json") + str(from_item(dict(row)))
    stored = MailSettings(Transport.SMTP, SENDER, "mail.example.com", 587, Security.STARTTLS, USER)
    assert DynamoMailSettings().find_with_password() == (stored, PASSWORD)


@pytest.mark.usefixtures("desk")
def test_what_the_server_answered_is_said_to_the_operator(tmp_path: Path) -> None:
    with mail_server(tmp_path) as server:
        done("smtp", "--host", "127.0.0.1", "--port", str(server.port), "--security", "none", "--from", SENDER)
        server.replies["RCPT"] = "550 5.1.1 No such user"
        said = refused("test", "--to", "me@example.com")
    place = f"127.0.0.1:{server.port}"
    assert said == (f"Error: {place} did not take the message: 550 5.1.1 No such user There is no such mailbox.")


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("smtp", "--host", "a b", "--from", SENDER), "Must be the name or the address of a host"),
        (("smtp", "--host", "mail.example.com", "--from", "desk"), "Must be an address"),
        (("smtp", "--host", "mail.example.com", "--from", "a@example.com\r\nBcc: b@example.com"), "Invalid value"),
        (("smtp", "--host", "mail.example.com", "--port", "0", "--from", SENDER), "greater than or equal to 1"),
        (("smtp", "--host", "mail.example.com", "--password", "x", "--from", SENDER), "needs --user"),
        (
            (
                "smtp",
                "--host",
                "mail.example.com",
                "--security",
                "none",
                "--user",
                "a",
                "--password",
                "b",
                "--from",
                SENDER,
            ),
            "A password is only sent over TLS",
        ),
        (("ses", "--from", SENDER, "--configuration-set", "a b"), "should match pattern"),
        (("test", "--to", "nobody"), "must be an email address"),
        (("test", "--to", "me@example.com"), "This desk sends no mail."),
        (("show",), "This desk sends no mail."),
        (("off",), "This desk sends no mail."),
    ],
)
def test_settings_that_can_not_work_are_refused_and_change_nothing(args: tuple[str, ...], reason: str) -> None:
    assert reason in refused(*args)
    assert DynamoMailSettings().find() is None


@pytest.mark.usefixtures("desk")
def test_settings_of_mail_are_in_the_audit_log_without_addresses() -> None:
    done("ses", "--from", SENDER, "--configuration-set", "fluxden")
    done("off")
    entries = [each for each in scan_rows(AUDIT) if str(each.get("kind", "")).startswith("mail.")]
    assert {each["kind"] for each in entries} == {"mail.set", "mail.remove"}
    assert "desk@example.com" not in str(entries)
