"""Titles, names and labels are one visible line, at every operation that takes one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import one_line, to_one_line
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.sample_data import CATALOG_ITEM

REFUSED = ["a\nb", "a\tb", "a\x1bb", "a\x7f", "a\u0085b", "a\u2028b", "a\u2029b", "a\u202eb", "\u2066a", " ", "\u200b"]
REFUSED += ["\u3000\u00a0", "\u200d\u200c", "\ufeff", "\u2800", "\u3164", "\u00ad"]
KEPT = ["می\u200cخواهم", "👨\u200d👩\u200d👧 ❤\ufe0f", "क्\u200dष", "a\u200eb", "\u0378", "Zoë", "one line"]


def _bodies(text: str) -> dict[str, tuple[str, str, Any, str]]:
    """Return for each operation the method, the path, a body with the text, and whose token sends it."""
    event = inputs.new_event
    return {
        "title": ("POST", "/api/v1/events", event(title=text), "alice"),
        "label key": ("POST", "/api/v1/events", event(labels={text: "x"}), "alice"),
        "label": ("POST", "/api/v1/events", event(labels={"x": text}), "alice"),
        "actor": ("POST", "/api/v1/events", event(actor={"email": "a@b.c", "name": text}), "alice"),
        "button": (
            "POST",
            "/api/v1/events",
            event(actions=[{"label": text, "action_type": "url", "url": "https://a.example.com/"}]),
            "alice",
        ),
        "card": ("POST", "/api/v2/kanban", {"title": text}, "alice_key"),
        "contact": ("POST", "/api/v2/contacts", {"name": text}, "alice_key"),
        "company": ("POST", "/api/v2/contacts", {"name": "x", "company": text}, "alice_key"),
        "queue item": ("POST", "/api/v2/queue", {"title": text}, "alice_key"),
        "key": ("POST", "/api/v2/keys", {"name": text}, "alice_key"),
        "headline": ("PATCH", "/api/v2/profile", {"headline": text}, "alice_key"),
        "skill": ("PATCH", "/api/v2/profile", {"skills": [text]}, "alice_key"),
        "catalog item": ("POST", "/api/v1/catalog/items", CATALOG_ITEM | {"name": text}, "fd1"),
        "claim": ("POST", "/api/v1/tokens/claim", {"email": "carol@example.com", "label": text}, "fd1"),
    }


@pytest.mark.parametrize("name", _bodies("x"))
def test_a_text_that_is_not_one_visible_line_is_refused(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "1000")
    for text in REFUSED:
        method, path, body, token = _bodies(text)[name]
        assert api.call(method, path, body, token=getattr(desk, token)).status == 400, ascii(text)
    method, path, body, token = _bodies(KEPT[1])[name]
    assert api.call(method, path, body, token=getattr(desk, token)).status < 300


@pytest.mark.parametrize("title", KEPT)
def test_joiners_and_unassigned_letters_are_kept(api: Api, desk: Desk, title: str) -> None:
    assert api.post("/api/v1/events", inputs.new_event(title=title), desk.alice).json["title"] == title
    assert to_one_line(title) == title


@given(st.text(max_size=40))
def test_a_line_made_of_any_text_is_one(text: str) -> None:
    line = to_one_line(text)
    assert to_one_line(line) == line
    try:
        assert one_line(line) == line
    except PydanticCustomError:
        pytest.fail(ascii(line))
