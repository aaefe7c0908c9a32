"""The form of messages: no text is more than a line in a header, or a text in markup."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.reach.domain.mail_format import header_text, html_text, mail_domain, to_sendable


@given(st.text(max_size=300))
def test_a_header_is_one_line_whatever_the_text(text: str) -> None:
    line = header_text(text)
    assert len(line) <= 200
    assert len(line.splitlines()) <= 1
    assert line.isprintable()
    assert "=?" not in line


@given(st.text(max_size=300))
def test_no_text_is_markup(text: str) -> None:
    escaped = html_text(text).replace("<br>", "")
    assert not {"<", ">", '"', "'", "\x00"} & {*escaped}


def test_domains_are_sent_in_ascii() -> None:
    assert to_sendable("a@bücher.example") == "a@xn--bcher-kva.example"
    assert mail_domain("https://Bücher.example/desk", "desk@example.com") == "xn--bcher-kva.example"
    assert mail_domain("", "Fluxden <desk@example.com>") == "example.com"
