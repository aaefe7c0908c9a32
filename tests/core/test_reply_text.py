"""Bodies of replies become text whatever charset they come in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.domain.reply_text import decode_body, excerpt_of, to_utf8

pytestmark = pytest.mark.engine("embedded")

CHARSETS = [
    "utf-8",
    "gbk",
    "big5",
    "shift_jis",
    "euc-kr",
    "koi8-r",
    "iso-8859-15",
    "windows-1251",
    "utf-16-le",
    "x-none",
]


@given(st.binary(max_size=300), st.sampled_from(["", *(f"text/plain; charset={each}" for each in CHARSETS)]))
def test_excerpt_of_any_bytes_is_one_line_of_text(raw: bytes, content_type: str) -> None:
    excerpt = excerpt_of(raw, content_type)
    assert len(excerpt) <= 200
    assert "\ufffd" not in excerpt
    assert len(excerpt.splitlines()) <= 1
    assert not any(letter < " " for letter in excerpt)
    excerpt.encode()


@pytest.mark.parametrize("charset", ["gbk", "gb18030", "big5", "euc-tw", "utf-16", "utf-8"])
def test_declared_text_is_understood(charset: str) -> None:
    text = "請求被拒絕"
    try:
        raw = text.encode(charset)
    except LookupError:
        raw = text.encode()
    assert decode_body(raw, f"text/plain; charset={charset}") == text


def test_document_may_name_its_charset() -> None:
    page = '<html><head><META http-equiv="Content-Type" content="text/html; charset=gb2312"></head>拒绝'
    assert decode_body(page.encode("gbk"), "text/html") == page
    assert decode_body('<?xml version="1.0" encoding="koi8-r"?><a>Нет</a>'.encode("koi8-r"), "") is not None


def test_long_document_that_never_closes_its_tag_is_read_quickly() -> None:
    assert excerpt_of(b"<meta " * 10_000, "text/html").startswith("<meta <meta")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_utf8_stays_as_it_is(text: str) -> None:
    assert to_utf8(text.encode(), "application/json") == text.encode()


def test_other_charsets_become_utf8_and_what_is_no_text_stays() -> None:
    assert to_utf8("接受".encode("gbk"), "application/json; charset=gbk") == "接受".encode()
    assert to_utf8(b'{"by": "J\xf6rg"}', "application/json") == '{"by": "Jörg"}'.encode()
    assert to_utf8(b"\x80\x81\x82\x83", "application/octet-stream") == b"\x80\x81\x82\x83"
