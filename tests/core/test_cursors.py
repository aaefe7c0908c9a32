"""Cursors: what we write we read again, and nothing else."""

import base64
import json
import re
import string
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.core.domain.cursors import from_cursor, to_cursor
from chalicelib.core.domain.errors import Invalid

pytestmark = pytest.mark.engine("embedded")


BASE64URL = string.ascii_letters + string.digits + "-_"

positions = st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1), min_size=1, max_size=4)
filters = st.lists(st.none() | st.booleans() | st.integers() | st.text(), max_size=4)


def encoded(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@given(positions, filters)
def test_cursor_leads_back_to_its_position(parts: Sequence[str], bound: Sequence[object]) -> None:
    made = to_cursor(parts, *bound)

    assert re.fullmatch("[A-Za-z0-9_-]+", made)
    assert from_cursor(made, len(parts), *bound) == parts


@given(positions, filters, filters)
def test_cursor_of_other_filters_is_refused(
    parts: Sequence[str], bound: Sequence[object], other: Sequence[object]
) -> None:
    assume(json.dumps(bound) != json.dumps(other))

    with pytest.raises(Invalid) as refused:
        from_cursor(to_cursor(parts, *bound), len(parts), *other)
    assert refused.value.fields == {"cursor": ["does not continue this list"]}


@given(positions, st.integers(0, 6))
def test_cursor_of_another_length_is_refused(parts: Sequence[str], length: int) -> None:
    assume(length != len(parts))

    with pytest.raises(Invalid):
        from_cursor(to_cursor(parts, "alice"), length, "alice")


@given(
    st.text()
    | st.text(BASE64URL)
    | st.binary().map(encoded)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(encoded)
)
def test_garbage_is_no_cursor(text: str) -> None:
    with pytest.raises(Invalid):
        from_cursor(text, 2, "alice")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=",
        "A",
        "中文",
        "\ud800",
        encoded(b"\xff\xfe"),
        encoded(b"9" * 5000),
        encoded(b"[" + b"9" * 5000 + b"]"),
        encoded(b"[" * 5000),
        encoded(b"[" * 5000 + b"]" * 5000),
        encoded(b'{"a":' * 5000 + b"1" + b"}" * 5000),
    ],
    ids=[
        "empty",
        "padding",
        "one character",
        "cjk",
        "surrogate",
        "not utf-8",
        "digits",
        "long number",
        "open arrays",
        "arrays",
        "objects",
    ],
)
def test_hostile_text_is_no_cursor(text: str) -> None:
    with pytest.raises(Invalid):
        from_cursor(text, 2, "alice")


@given(positions, st.data())
def test_cursor_with_any_character_changed_is_refused(parts: Sequence[str], data: st.DataObject) -> None:
    made = to_cursor(parts, "alice")
    place = data.draw(st.integers(0, len(made) - 1))
    changed = made[:place] + data.draw(st.sampled_from(BASE64URL)) + made[place + 1 :]
    assume(changed != made)

    for each in (changed, made[:place], made + "A", made + "=", made + "!"):
        with pytest.raises(Invalid):
            from_cursor(each, len(parts), "alice")


@pytest.mark.parametrize(
    "part", [None, 1, True, 1.5, ["x"], {"x": "y"}, "", "\x00", "é", "\ud800", "x" * 701], ids=ascii
)
def test_forged_position_has_nothing_but_visible_ascii(part: Any) -> None:
    assert from_cursor(to_cursor(["x", "y"], "alice"), 2, "alice") == ["x", "y"]
    with pytest.raises(Invalid):
        from_cursor(to_cursor(["x", part], "alice"), 2, "alice")
