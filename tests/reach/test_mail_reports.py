"""Reports of mail servers: a message of ours that came back pauses its recipient's address."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.reach.domain.mail_reports import MOST_BYTES, MOST_RECIPIENTS, read_report_message
from chalicelib.reach.domain.sent_mails import MailKind, MailName
from chalicelib.reach.stores.personal_mail import DynamoPersonalMail
from infra.admin import main
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.mail_server import MailServer
from tests.support.mails import ALICE, MAIL, ask_for_test, publish, send
from tests.support.pump import Pumps


@pytest.fixture
def message_id(api: Api, desk: Desk, pump: Pumps, server: MailServer) -> str:
    """The Message-ID of a message to Alice."""
    send(desk, pump, publish(api, desk))
    return str(server.received[-1].message["Message-ID"])


def state_of(api: Api, desk: Desk) -> tuple[str, str | None]:
    shown = api.get(MAIL, desk.alice_key).json
    return shown["state"], shown["reason"]


def delivery_report(
    message_id: str,
    status: str = "5.1.1",
    action: str = "failed",
    recipient: str = ALICE,
    *,
    headers_only: bool = False,
) -> bytes:
    """Return a delivery report in the form of RFC 3464, with the whole message or its headers."""
    diagnostic = "smtp; 550 No such user here"
    lines = [
        "Reporting-MTA: dns; mail.example.com",
        "",
        f"Original-Recipient: rfc822;{recipient}",
        f"Final-Recipient: rfc822; {recipient}",
        f"Action: {action}",
        f"Status: {status}",
        f"Diagnostic-Code: {diagnostic}",
    ]
    return multipart_report("delivery-status", lines, message_id, headers_only=headers_only)


def complaint_report(message_id: str, *, kind: str = "abuse") -> bytes:
    lines = [f"Feedback-Type: {kind}", "User-Agent: Some/1.0", "Version: 1", f"Original-Rcpt-To: <{ALICE}>"]
    return multipart_report("feedback-report", lines, message_id)


def multipart_report(kind: str, lines: list[str], message_id: str, *, headers_only: bool = False) -> bytes:
    original = [f"Message-ID: {message_id}", "Subject: Build failed", "Content-Type: text/plain", ""]
    parts = [
        ("text/plain", ["It did not arrive."]),
        (f"message/{kind}", lines),
        ("text/rfc822-headers" if headers_only else "message/rfc822", [*original, "" if headers_only else "The text."]),
    ]
    head = ["From: MAILER-DAEMON@example.com", "To: desk@example.com", "MIME-Version: 1.0"]
    head += [f'Content-Type: multipart/report; report-type={kind}; boundary="b"', ""]
    body = [line for media, content in parts for line in ("--b", f"Content-Type: {media}", "", *content, "")]
    return "\r\n".join([*head, *body, "--b--", ""]).encode()


def admin(tmp_path: Path, content: bytes) -> Any:
    file = tmp_path / "report.eml"
    file.write_bytes(content)
    return CliRunner().invoke(main, ["mail", "report", str(file), "--json"], prog_name="admin")


def outcomes(tmp_path: Path, content: bytes) -> list[str]:
    result = admin(tmp_path, content)
    assert result.exit_code == 0, result.output
    return [each["outcome"] for each in json.loads(result.stdout)]


@pytest.mark.parametrize("headers_only", [False, True])
def test_a_delivery_report_pauses_the_address(
    api: Api, desk: Desk, tmp_path: Path, message_id: str, *, headers_only: bool
) -> None:
    for _ in range(2):
        assert outcomes(tmp_path, delivery_report(message_id, headers_only=headers_only)) == ["paused"]
    assert state_of(api, desk) == ("paused", "bounce")


def test_a_complaint_report_pauses_the_address(api: Api, desk: Desk, tmp_path: Path, message_id: str) -> None:
    assert outcomes(tmp_path, complaint_report(message_id, kind="not-spam")) == []
    assert outcomes(tmp_path, complaint_report(message_id)) == ["paused"]
    assert state_of(api, desk) == ("paused", "complaint")


def test_a_report_without_a_specific_status_is_read_by_its_reply(tmp_path: Path, message_id: str) -> None:
    assert outcomes(tmp_path, delivery_report(message_id, status="5.0.0")) == ["paused"]


@pytest.mark.parametrize(
    ("wanted", "more"),
    [
        (["temporary"], {"status": "4.4.7"}),  # it expired
        (["temporary"], {"status": "5.7.1"}),  # refused as spam
        (["temporary"], {"status": "5.2.2"}),  # the mailbox is full
        ([], {"action": "delayed"}),
        ([], {"action": "delivered", "status": "2.0.0"}),
        (["other_recipient"], {"recipient": "bob@example.com"}),
    ],
)
def test_other_delivery_reports_pause_nothing(
    api: Api, desk: Desk, tmp_path: Path, message_id: str, wanted: list[str], more: dict[str, Any]
) -> None:
    assert outcomes(tmp_path, delivery_report(message_id, **more)) == wanted
    assert state_of(api, desk) == ("active", None)


def test_a_report_about_a_message_that_was_never_sent_pauses_nothing(api: Api, desk: Desk, tmp_path: Path) -> None:
    unsent = MailName(MailKind.DELIVERY, str(uuid4()), str(uuid4()))
    for message_id in (f"<{unsent.local_part}@example.com>", "<x@example.com>", "<>"):
        assert outcomes(tmp_path, delivery_report(message_id)) == ["unknown_message"]
    assert state_of(api, desk) == ("active", None)


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"Subject: Hello\r\n\r\nHi", b"\xff\x00", b"Content-Type: multipart/report\r\n\r\n"):
        result = admin(tmp_path, content)
        assert result.exit_code == 1
        assert "neither a delivery report" in result.stderr
    assert "bytes" in admin(tmp_path, b"x" * (MOST_BYTES + 1)).stderr


def test_a_report_on_a_test_message_pauses_the_address_again_and_an_older_one_does_not(
    api: Api, desk: Desk, pump: Pumps, server: MailServer, tmp_path: Path, message_id: str
) -> None:
    assert outcomes(tmp_path, delivery_report(message_id)) == ["paused"]
    ask_for_test(api, desk, pump)
    assert state_of(api, desk) == ("active", None)
    assert outcomes(tmp_path, delivery_report(message_id)) == ["outdated"]
    test_id = str(server.received[-1].message["Message-ID"])
    assert outcomes(tmp_path, delivery_report(test_id)) == ["paused"]


@pytest.mark.parametrize(("method", "path", "body"), [("PUT", MAIL, {"enabled": True}), ("POST", f"{MAIL}/test", None)])
def test_a_report_counts_whatever_its_recipient_has_asked_for_since(
    api: Api, desk: Desk, tmp_path: Path, message_id: str, method: str, path: str, body: Any
) -> None:
    assert api.call(method, path, body=body, token=desk.alice_key).status in (200, 202)
    assert outcomes(tmp_path, delivery_report(message_id)) == ["paused"]


def test_a_report_on_a_test_message_that_is_being_sent_is_newer_than_the_pause_that_it_would_end(
    api: Api, desk: Desk, tmp_path: Path, message_id: str
) -> None:
    assert outcomes(tmp_path, delivery_report(message_id)) == ["paused"]
    since = api.get(MAIL, desk.alice_key).json["since"]
    api.post(f"{MAIL}/test", token=desk.alice_key)
    alice = desk.user_id("alice")
    name = MailName(MailKind.TEST, alice, DynamoPersonalMail().find(alice).test_id or "")
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=1), tick=False):
        assert outcomes(tmp_path, delivery_report(message_id)) == ["paused"]
        assert api.get(MAIL, desk.alice_key).json["since"] == since
        assert outcomes(tmp_path, delivery_report(f"<{name.local_part}@desk.test>")) == ["paused"]
        assert api.get(MAIL, desk.alice_key).json["since"] > since


def test_who_has_turned_e_mail_off_stays_off(api: Api, desk: Desk, tmp_path: Path, message_id: str) -> None:
    api.call("PUT", MAIL, body={"enabled": False}, token=desk.alice_key)
    assert outcomes(tmp_path, delivery_report(message_id)) == ["off"]
    assert state_of(api, desk) == ("off", None)


def test_of_a_report_that_names_many_recipients_the_first_ones_are_read() -> None:
    block = ["", "Final-Recipient: rfc822; bob@example.com", "Action: failed", "Status: 5.1.1"]
    bounces = multipart_report("delivery-status", ["Reporting-MTA: dns; mail.example.com", *block * 9_000], "<x@y>")
    complaint = ["Feedback-Type: abuse", *["Original-Rcpt-To: bob@example.com"] * 9_000]
    for content in (bounces, multipart_report("feedback-report", complaint, "<x@y>")):
        assert len(content) < MOST_BYTES
        assert len(read_report_message(content) or []) == MOST_RECIPIENTS


def test_parts_in_parts_are_no_report(tmp_path: Path) -> None:
    mixed = "".join(
        f"--b{each}\r\nContent-Type: multipart/mixed; boundary=b{each + 1}\r\n\r\n" for each in range(5_000)
    )
    messages = "--b0\r\n" + "Content-Type: message/rfc822\r\n\r\n" * 5_000
    for nested in (mixed, messages):
        result = admin(tmp_path, f"Content-Type: multipart/report; boundary=b0\r\n\r\n{nested}".encode())
        assert "neither a delivery report" in result.stderr


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    read_report_message(content)
    read_report_message(multipart_report("delivery-status", [content.decode("latin-1")], "<x@example.com>"))
