"""What a message says, in which form, and that nobody else's text becomes a header or markup of it."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.reach.domain.mail import MailMessage
from chalicelib.reach.domain.mail_format import header_text
from chalicelib.reach.domain.mail_words import WORDS, Language
from chalicelib.reach.domain.messages import (
    MOST_BODY,
    MOST_OF_SYSTEM,
    MOST_SYSTEMS,
    Origin,
    Reader,
    delivery_message,
    digest_message,
)

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
OFF = "https://desk.example.com/api/v1/email/unsubscribe/" + "a" * 120
ORIGIN = Origin("Fluxden <desk@example.com>", "https://desk.example.com", OFF)
READER = Reader("1", "alice@example.com")
DELIVERY = Delivery(
    delivery_id="11111111-0000-4000-8000-000000000001",
    integrator="ci",
    tools_token_id="t",
    sender_user_id=None,
    recipient_user_id="1",
    event_type="ci.build.failed",
    severity="critical",
    title="Build 214 failed",
    occurred_at="2026-03-04T05:00:00.000Z",
    created_at="2026-03-04T05:00:00.000Z",
    summary="Two tests fail.",
    content={
        "markdown_body": "See **the log**.\n- one\n- two",
        "actions": [
            {"label": "Retry", "action_type": "webhook", "webhook_url": "https://ci.example.com/retry?secret=1"},
            {"label": "Log", "action_type": "url", "url": "https://ci.example.com/log"},
        ],
    },
)


def parse(mail: MailMessage) -> EmailMessage:
    parsed = message_from_bytes(mail.content, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def part(mail: MailMessage, subtype: str) -> str:
    (found,) = [each for each in parse(mail).walk() if each.get_content_subtype() == subtype]
    return str(found.get_content()).replace("\r\n", "\n")


def about(
    delivery: Delivery = DELIVERY, *, reader: Reader = READER, message_id: str = "m1", system: str = "CI"
) -> MailMessage:
    return delivery_message(delivery, system=system, reader=reader, origin=ORIGIN, message_id=message_id, now=NOW)


class _Markup(HTMLParser):
    """The elements of a page, and the addresses that it names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append(tag)
        self.attributes.extend(attrs)


def test_a_message_says_the_same_in_plain_text_and_in_html() -> None:
    mail = about()
    assert [each.get_content_type() for each in parse(mail).iter_parts()] == ["text/plain", "text/html"]
    assert part(mail, "plain").strip() == (
        "Build 214 failed\n\nCritical · CI · 2026-03-04 05:00 UTC\n\nTwo tests fail.\n\n"
        "See **the log**.\n- one\n- two\n\n"
        "Open in your inbox: https://desk.example.com/#/inbox/11111111-0000-4000-8000-000000000001\n\n"
        "Actions open the notification in your inbox, where you confirm them.\n- Retry\n- Log\n\n"
        "-- \nYou receive this because e-mail is on for you at https://desk.example.com.\n"
        f"Turn e-mail off: {OFF}"
    )
    for text in ("Build 214 failed", "Critical", "Two tests fail.", "See **the log**.<br>- one", "Retry", "Log"):
        assert text in part(mail, "html")


def test_every_link_leads_to_the_console_and_nothing_is_loaded() -> None:
    markup = _Markup(part(about(), "html"))
    links = {value for name, value in markup.attributes if name == "href"}
    assert links == {ORIGIN.item_url(DELIVERY.delivery_id), OFF}
    assert not {"img", "link", "script", "iframe", "form", "video", "object"} & {*markup.elements}
    assert not {"src", "srcset", "background", "poster", "onclick"} & {name for name, _ in markup.attributes}
    assert "url(" not in part(about(), "html")
    assert "secret=1" not in about().content.decode()


def test_the_headers_let_one_turn_mail_off_and_nobody_answer() -> None:
    headers = parse(about())
    assert headers["List-Unsubscribe"] == f"<{OFF}>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["Reply-To"] is None
    assert (headers["From"], headers["To"]) == ("Fluxden <desk@example.com>", "alice@example.com")
    # Where programs read it, it is on one line.
    assert f"\r\nList-Unsubscribe: <{OFF}>\r\n".encode() in about().content


def test_a_message_sent_again_has_its_id_and_all_about_one_event_are_one_thread() -> None:
    first, again, other = parse(about()), parse(about()), parse(about(message_id="m2"))
    assert first["Message-ID"] == again["Message-ID"] != other["Message-ID"]
    assert first["Message-ID"].endswith("@desk.example.com>")
    assert first["References"] == first["In-Reply-To"] == other["References"]
    another = parse(about(replace(DELIVERY, delivery_id="another")))
    assert another["References"] != first["References"]


def test_a_person_reads_their_language_and_their_time() -> None:
    reader = replace(READER, language=Language.CHINESE, zone=ZoneInfo("Asia/Shanghai"))
    mail = about(reader=reader)
    assert "严重 · CI · 2026-03-04 13:00 CST" in part(mail, "plain")
    assert '<html lang="zh">' in part(mail, "html")
    assert "在收件箱中打开" in part(mail, "html")


@pytest.mark.parametrize(
    ("languages", "language"),
    [
        (["zh-Hans-CN", "en"], "zh"),
        (["en-GB", "zh"], "en"),
        (["de", "zh"], "zh"),
        (["de"], "en"),
        ([], "en"),
        (["中文"], "zh"),
        (["English"], "en"),
    ],
)
def test_the_first_language_that_we_speak_is_spoken(languages: list[str], language: str) -> None:
    assert Language.of(languages) == language


def test_both_languages_have_every_text_with_the_same_values() -> None:
    english, chinese = WORDS[Language.ENGLISH], WORDS[Language.CHINESE]
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        names = [part.partition("}")[0] for part in text.split("{")[1:]]
        assert sorted(names) == sorted(part.partition("}")[0] for part in chinese[key].split("{")[1:]), key


@pytest.mark.parametrize(
    "title",
    [
        "a\r\nBcc: eve@example.com",
        "a\nContent-Type: text/html\n\n<script>",
        "a\x0bBcc: x",
        "a\u2028Bcc: x",
        "a\x85Bcc: x",
        "\u202egnp.exe",
        "=?utf-8?q?=0ABcc:_x?=",
        "<script>alert(1)</script><img src=https://eve.example/x.png>",
        "测试" * 60,
        "x" * 200,
    ],
)
def test_no_text_becomes_a_header_or_markup(title: str) -> None:
    hostile = replace(
        DELIVERY, title=title, summary=title, content={"markdown_body": title, "actions": [{"label": title}]}
    )
    mail = about(hostile, system=title)
    parsed = parse(mail)
    assert (parsed["Bcc"], mail.recipient) == (None, "alice@example.com")
    assert sorted(parsed.keys()) == sorted(parse(about()).keys())
    assert [each.get_content_type() for each in parsed.iter_parts()] == ["text/plain", "text/html"]
    assert parsed["Subject"] == header_text(title)
    assert {*_Markup(part(mail, "html")).elements} <= {*_Markup(part(about(), "html")).elements}
    assert mail.content.isascii()
    assert max(map(len, mail.content.split(b"\r\n"))) <= 998
    assert b"\n" not in mail.content.replace(b"\r\n", b"")


def test_a_sender_can_not_add_headers_by_its_address() -> None:
    origin = replace(ORIGIN, unsubscribe_url="https://desk.example.com/\r\nBcc: eve@example.com")
    with pytest.raises(ValueError, match="List-Unsubscribe"):
        delivery_message(DELIVERY, system="CI", reader=READER, origin=origin, message_id="m", now=NOW)


def test_a_long_body_is_cut_and_says_so() -> None:
    mail = about(replace(DELIVERY, content={"markdown_body": "x" * (MOST_BODY + 1)}))
    assert f"{'x' * MOST_BODY} …\n\nThe rest is in your inbox." in part(mail, "plain")
    assert len(mail.content) < 40_000


def write_digest(deliveries: list[Delivery], **more: Any) -> MailMessage:
    options: dict[str, Any] = {"systems": {}, "reader": READER, "origin": ORIGIN, "message_id": "d1", "now": NOW}
    return digest_message(deliveries, **(options | more))


def test_a_digest_lists_deliveries_by_system_with_the_most_severe_first() -> None:
    other = replace(DELIVERY, delivery_id="2", integrator="hr", title="Holiday approved", severity="info", summary=None)
    later = replace(DELIVERY, delivery_id="3", title="Build 215 failed", occurred_at="2026-03-04T06:00:00.000Z")
    mail = write_digest([other, DELIVERY, later], systems={"ci": "CI", "hr": "People"})
    assert parse(mail)["Subject"] == "3 notifications from CI, People"
    assert parse(mail)["References"] is None
    text = part(mail, "plain")
    assert (
        text.index("== CI") < text.index("Build 215 failed") < text.index("Build 214 failed") < text.index("== People")
    )
    links = {value for name, value in _Markup(part(mail, "html")).attributes if name == "href"}
    assert links == {*(ORIGIN.item_url(each) for each in (DELIVERY.delivery_id, "2", "3")), ORIGIN.inbox_url, OFF}
    assert parse(mail)["List-Unsubscribe"] == f"<{OFF}>"


def test_a_digest_lists_the_first_of_each_system_and_counts_the_others() -> None:
    many = [replace(DELIVERY, delivery_id=str(each), integrator=f"s{each % 5}") for each in range(85)]
    for language, subject, rest in (
        (Language.ENGLISH, "85 notifications from s0, s1, s2 and 2 others", "and 7 more"),
        (Language.CHINESE, "来自s0、s1、s2等 5 个系统的 85 条通知", "还有 7 条"),
    ):
        mail = write_digest(many, reader=replace(READER, language=language))
        assert parse(mail)["Subject"] == subject
        for kind in ("plain", "html"):
            assert part(mail, kind).count("/#/inbox/") == 5 * MOST_OF_SYSTEM
            assert part(mail, kind).count(rest) == 5


def test_a_subject_counts_one_other_system_in_the_singular() -> None:
    four = [replace(DELIVERY, delivery_id=str(each), integrator=f"s{each}") for each in range(4)]
    for language, subject in (
        (Language.ENGLISH, "4 notifications from s0, s1, s2 and 1 other"),
        (Language.CHINESE, "来自s0、s1、s2等 4 个系统的 4 条通知"),
    ):
        assert parse(write_digest(four, reader=replace(READER, language=language)))["Subject"] == subject


def test_a_digest_lists_so_many_systems_and_says_if_there_is_more_than_it_takes_up() -> None:
    many = [replace(DELIVERY, delivery_id=str(each), integrator=f"s{each}") for each in range(MOST_SYSTEMS + 3)]
    text = part(write_digest(many), "plain")
    assert text.count("\n== ") == MOST_SYSTEMS
    assert "and 3 more in your inbox\n" in text
    assert "The rest is in your inbox." not in text
    assert "The rest is in your inbox." in part(write_digest(many, is_full=True), "plain")
