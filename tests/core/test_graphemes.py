"""Texts are cut between visible characters."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.domain.graphemes import clip

pytestmark = pytest.mark.engine("embedded")

PIECES = st.sampled_from(
    [
        "a",
        " ",
        "e\u0301",
        "👨‍👩‍👧‍👦",
        "🇩🇪",
        "🏴\U000e0067\U000e0062\U000e007f",
        "👍🏽",
        "❤️",
        "क्षि",
        "한",
        "\u1112\u1161\u11ab",
        "กำ",
        "ｶﾞ",
        "拒",
        "می\u200c",
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join), st.integers(0, 40))
def test_cut_text_ends_with_a_whole_character(text: str, most: int) -> None:
    cut = clip(text, most)
    assert text.startswith(cut)
    assert len(cut) <= most
    whole = regex.findall(r"\X", text)
    if not whole or len(whole[0]) <= most:
        seen = regex.findall(r"\X", cut)
        assert seen == whole[: len(seen)]


@given(st.text(max_size=30), st.integers(1, 30))
def test_any_text_is_cut_within_the_limit_and_to_something(text: str, most: int) -> None:
    cut = clip(text, most)
    assert text.startswith(cut)
    assert len(cut) <= most
    assert bool(cut) == bool(text)


def test_short_text_is_not_cut() -> None:
    assert clip("👨‍👩‍👧", 5) == "👨‍👩‍👧"
    assert clip("a👨‍👩‍👧", 5) == "a"
    assert clip("🇩🇪🇫🇷", 3) == "🇩🇪"


def test_stacked_marks_are_cut_all_the_same() -> None:
    assert clip("e" + "\u0301" * 900, 200) == "e" + "\u0301" * 199
