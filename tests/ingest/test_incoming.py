"""Drafts of any text become events that can be published."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ingest.domain.incoming import Draft, to_event, to_event_id, to_event_type
from tests.support.ingest import NOW


@given(st.text(), st.text(alphabet="abcdefg-_", max_size=40))
def test_any_text_becomes_an_event_id_and_a_type(text: str, prefix: str) -> None:
    draft = Draft(text, text, text, summary=text, body=text, url=text, labels={text: text}, links=((text, text),))
    event = to_event(draft, prefix=f"{prefix}.", now=NOW)
    assert event.event_id == to_event_id(text)
    assert event.event_type == to_event_type(text, f"{prefix}.")


def test_different_texts_become_different_event_ids() -> None:
    assert to_event_id("a/b") != to_event_id("a b") != to_event_id("a-b")
    assert to_event_id("x" * 120) == "x" * 120
    assert len(to_event_id("x" * 121)) <= 120
