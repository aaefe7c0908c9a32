"""Search: a text is found in each of its spellings, and letters that differ stay different."""

import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.domain.text import has_text, normalize_text
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api

texts = st.text(max_size=40)
FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")


@given(texts)
def test_a_text_is_found_in_every_form_and_case(text: str) -> None:
    forms = [unicodedata.normalize(form, text) for form in FORMS]
    for variant in (*forms, text.casefold(), text.upper(), text.lower()):
        assert normalize_text(variant) == normalize_text(text), ascii(variant)
        assert has_text(normalize_text(variant), text)


@given(texts)
def test_normalizing_again_changes_nothing(text: str) -> None:
    once = normalize_text(text)
    assert normalize_text(once) == once


@pytest.mark.parametrize(
    ("sought", "text"),
    [
        ("ışık", "Işık Yılmaz"),
        ("IŞIK", "Işık Yılmaz"),
        ("yilmaz", "Işık Yılmaz"),
        ("ilker", "İlker"),
        ("lukasz", "Łukasz"),
        ("soren", "Søren"),
        ("dorde", "Đorđe"),
        ("strasse", "Straße"),
        ("STRASSE", "straße"),
        ("zoe", "Zoë"),
        ("abc", "\uff21\uff22\uff23"),
        ("o'brien", "O\u2019Brien"),
        ("O\u2018Brien", "o'brien"),
        ("handbook", "hand\u00adbook"),
        ("zerowidth", "zero\u200bwidth"),
        ("caf\u00e9", "cafe\u0301"),
        ("\u30d1\u30d1", "\u30cf\u309a\u30cf\u309a"),
        ("\uff8a\uff9f", "\u30d1"),
    ],
)
def test_a_word_finds_its_other_spellings(sought: str, text: str) -> None:
    assert has_text(normalize_text(sought), text)


@pytest.mark.parametrize(("sought", "text"), [("ハハ", "パパ"), ("ハハ", "ババ"), ("か", "が"), ("b", "a")])
def test_other_letters_are_not_found(sought: str, text: str) -> None:
    assert not has_text(normalize_text(sought), text)


def test_inbox_contacts_and_mentions_search_alike(api: Api, desk: Desk) -> None:
    name = unicodedata.normalize("NFD", "Işık Łukasz パパ")
    api.post("/api/v1/events", inputs.new_event(title=name), desk.alice)
    api.post("/api/v2/contacts", {"name": name}, desk.alice_key)
    for sought in ("ışık", "ISIK", "lukasz", "%E3%83%91%E3%83%91", "ハハ"):
        found = len(api.get(f"/api/v1/inbox?q={sought}", desk.alice_key).json["items"])
        assert len(api.get(f"/api/v2/contacts?search={sought}", desk.alice_key).json["data"]["contacts"]) == found
        assert found == (sought != "ハハ"), sought
