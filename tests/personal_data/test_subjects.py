"""A person's address, name and id are found in rows, and what stands for them takes their place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.personal_data.domain.subjects import ERASED_NAME, Redaction, Subject

ID, STAND_IN = "0a1b2c3d-0000-4000-8000-00000000000b", "ffffffff-0000-4000-8000-000000000000"
ADDRESS = "ffffffff@erased.invalid"
BOB = Redaction(Subject(ID, "bob@example.com", "Bob", STAND_IN))
ZOE = Redaction(Subject(ID, "zoe.q@example.com", "Zoë Quartermain", STAND_IN))
NAMESAKE = Redaction(Subject(ID, "zoe.q@example.com", "Zoë Quartermain", STAND_IN, is_namesake=True))


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("bob@example.com", ADDRESS),
        ("Write to BOB@Example.com.", f"Write to {ADDRESS}."),
        ("<bob@example.com>", f"<{ADDRESS}>"),
        ("mailto:bob%40example.com", f"mailto:{ADDRESS}"),
        ("jimbob@example.com", "jimbob@example.com"),
        ("x.bob@example.com", "x.bob@example.com"),
        ("bob@example.com.au", "bob@example.com.au"),
        ("bob@example.community", "bob@example.community"),
        (f"person#{ID}", f"person#{STAND_IN}"),
        (ID.upper(), STAND_IN),
        ("Bob", ERASED_NAME),
        ("Ask Bob about it", "Ask Bob about it"),
    ],
)
def test_a_text_names_the_person_no_more(text: str, redacted: str) -> None:
    assert BOB.redact_text(text) == redacted


@pytest.mark.parametrize("text", ["Ask Zoë Quartermain.", "ask ZOË QUARTERMAIN.", '{"by": "Zo\\u00eb Quartermain"}'])
def test_a_name_of_several_words_is_found_wherever_it_stands(text: str) -> None:
    assert ERASED_NAME in ZOE.redact({"note": text})["note"]


def test_a_longer_name_is_another_one() -> None:
    assert ZOE.redact({"note": "Zoë Quartermaine"}) == {"note": "Zoë Quartermaine"}


def test_the_name_of_two_employees_is_only_found_beside_the_address_or_the_id() -> None:
    assert NAMESAKE.redact({"note": "Ask Zoë Quartermain"}) == {"note": "Ask Zoë Quartermain"}
    beside = NAMESAKE.redact({"note": "Ask Zoë Quartermain", "by": ID})
    assert beside == {"note": f"Ask {ERASED_NAME}", "by": STAND_IN}


def test_a_name_of_one_word_is_only_found_alone_and_beside_the_address_or_the_id() -> None:
    assert BOB.redact({"name": "Bob"}) == {"name": "Bob"}
    assert BOB.redact({"name": "Bob", "email": "bob@example.com"}) == {"name": ERASED_NAME, "email": ADDRESS}


def test_every_part_of_a_row_is_redacted() -> None:
    row = {"a": [ID, {"b": ID}], "c": {ID, "other"}, "d": {ID: 1}, "e": None, "f": 7, "g": True}
    assert BOB.names(row)
    redacted = BOB.redact(row)
    assert redacted["a"] == [STAND_IN, {"b": STAND_IN}]
    assert (redacted["c"], redacted["d"]) == ({STAND_IN, "other"}, {STAND_IN: 1})
    assert not BOB.names(redacted)


_PIECES = st.lists(st.sampled_from([ID, "bob@example.com", "Bob", " ", "#", "\n", '"', "x", ".", "ä"]), max_size=9)


@given(_PIECES)
def test_nothing_names_the_person_afterwards_and_a_repeat_changes_nothing(pieces: list[str]) -> None:
    row = {"text": "".join(pieces)}
    redacted = BOB.redact(row)
    assert not BOB.names(redacted)
    assert BOB.redact(redacted) == redacted
    assert BOB.finds(row) == (redacted != row)
