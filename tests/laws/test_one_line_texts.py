"""Titles, names and labels are one visible line, at every operation that takes one."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import one_line, to_one_line
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import ROUTES, Api
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
        "category": ("POST", "/api/v1/catalog/items", CATALOG_ITEM | {"category": text}, "fd1"),
        "role": ("POST", "/api/v2/contacts", {"name": "x", "role": text}, "alice_key"),
        "source": ("POST", "/api/v2/contacts", {"name": "x", "source": text}, "alice_key"),
        "source of a task": ("POST", "/api/v2/queue", {"title": "x", "source": text}, "alice_key"),
        "topic": ("PATCH", "/api/v2/profile", {"relayTopicFilters": [text]}, "alice_key"),
        "feedback": ("POST", "/api/v2/feedback", {"message": "x", "about": text}, "alice_key"),
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


# Texts of several lines.
_PROSE = """application_guide bio content context_instructions context_preparation description enriched_data
execution_notes install_guide long_description markdown_body message metadata note notes payload reason
resolution_note result summary"""
# What is looked up, compared or read as something else.
_KEYS = """accepted_by_email adapter agent_id auth capability_id card_id catalog_slug connection_id contact_id
contract_id event event_type execution_id from_instance_url from_user_email id instance_url integrator key_id
marketplace_id message_ids p256dh parent_relay_id peer_instance_url peer_relay_id project_id project_slug recipient
relay_id slug status team_id signing_secret thread_id to to_user_email url"""
# Members that an agent's desk describes it with, in any form.
_OPEN = "capabilities output_schema required_input_schema sample_prompts tags usage_examples"
_EXEMPT = frozenset(f"{_PROSE} {_KEYS} {_OPEN}".split())
# What is not stored as it is: the subject of a relay becomes a title, the cells of a file are checked one by one, and
# the filter of a bulk change is searched for.
_UNREAD = {
    ("HubEventIn", "name"),
    ("AckIn", "subject"),
    ("RelayIn", "subject"),
    ("BulkFilter", "label"),
    ("BulkFilter", "q"),
    ("ImportIn", "csv"),
}


def test_tags_are_one_line_each_and_blank_ones_are_left_out(api: Api, desk: Desk) -> None:
    for text in REFUSED:
        made = api.post("/api/v2/contacts", {"name": "x", "tags": ["fine", text]}, desk.alice_key)
        assert made.status == (400 if text.strip() else 201), ascii(text)
    assert api.post("/api/v2/contacts", {"name": "x", "tags": ["fine", "\n"]}, desk.alice_key).status == 400
    kept = api.post("/api/v2/contacts", {"name": "x", "tags": KEPT[:2]}, desk.alice_key)
    assert kept.json["data"]["tags"] == ",".join(KEPT[:2])


def _plain_texts() -> Iterator[tuple[str, str]]:
    """Yield each text of a request body that has no rule but its length, by model and field."""
    models = [get_type_hints(route.function, include_extras=True).get("body") for route in ROUTES.values()]
    met: set[Any] = set()
    while models:
        model = models.pop()
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            models += get_args(model)
            continue
        if model in met:
            continue
        met.add(model)
        for name, field in model.model_fields.items():
            annotation = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
            models.append(annotation)
            if any(not rules for rules in _rules_of_texts(annotation)):
                yield model.__name__, name


def _rules_of_texts(annotation: Any, rules: tuple[Any, ...] = ()) -> Iterator[list[Any]]:
    if annotation is str:
        yield [each for each in rules if hasattr(each, "func") or getattr(each, "pattern", None)]
    elif get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        flat = [part for each in more for part in ([*each.metadata] if isinstance(each, FieldInfo) else [each])]
        yield from _rules_of_texts(inner, (*rules, *flat))
    elif get_origin(annotation) in (Union, UnionType):
        for each in get_args(annotation):
            yield from _rules_of_texts(each, rules)
    elif get_origin(annotation) is list:
        yield from _rules_of_texts(get_args(annotation)[0])


def test_every_short_text_of_a_request_is_checked() -> None:
    left = {(model, name) for model, name in _plain_texts() if name not in _EXEMPT}
    assert left == _UNREAD


def test_a_summary_has_the_lines_that_were_sent(api: Api, desk: Desk) -> None:
    summary = "Two tests failed.\n\nSee the log."
    sent = api.post("/api/v1/events", inputs.new_event(summary=summary), desk.alice).json
    listed = api.get("/api/v1/inbox", desk.alice_key).json["items"][0]
    assert (sent["summary"], listed["summary"]) == (summary, summary)


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
