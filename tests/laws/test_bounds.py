"""Each bound of a person is on the page of limits, and is tested by going beyond it."""

from pathlib import Path

import pytest

from chalicelib.core.domain import bounds
from chalicelib.core.domain.bounds import Bound

pytestmark = pytest.mark.engine("embedded")

ROOT = Path(__file__).parents[2]
BY_NAME = {name: found for name, found in vars(bounds).items() if isinstance(found, Bound)}
# The test that goes beyond each bound.
GOES_BEYOND = {
    "KEYS": "tests/tokens/test_keys.py::test_person_has_at_most_fifty_keys_and_may_make_one_again_after_deleting_one",
    "SESSIONS": "tests/tokens/test_sessions.py::test_the_oldest_session_ends_when_there_are_too_many",
    "PASSKEYS": "tests/tokens/test_passkeys.py::test_a_person_has_twenty_passkeys_and_one_that_goes_makes_room",
    "SOCKETS": "tests/live/test_sockets.py::test_a_person_has_twenty_sockets_and_the_oldest_makes_room",
    "STREAMS": "tests/chat/test_streams.py::test_a_person_holds_three_streams_open",
    "BROWSERS": "tests/live/test_push.py::test_a_person_has_twenty_browsers_at_most_and_one_that_goes_makes_room",
    "CHANNELS": ("tests/reach/test_channels.py::test_a_person_has_ten_channels_at_most_and_one_that_goes_makes_room"),
    "CALLS": (
        "tests/tokens/test_person_budgets.py::test_person_makes_six_hundred_calls_a_minute_through_however_many_keys"
    ),
}


def test_all_bounds_are_listed() -> None:
    assert tuple(BY_NAME.values()) == bounds.PER_PERSON


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_a_bound_is_on_the_page_of_limits(name: str) -> None:
    bound = BY_NAME[name]
    page = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    assert f"| {bound.most:,} {bound.of} | {bound.beyond} |" in page


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_a_bound_has_a_test_that_goes_beyond_it(name: str) -> None:
    path, _, test = GOES_BEYOND[name].partition("::")
    _, found, text = (ROOT / path).read_text(encoding="utf-8").partition(f"def {test}(")
    assert found, f"{test} is not in {path}"
    assert f"bounds.{name}.most" in text.partition("\ndef ")[0], f"{test} does not count up to bounds.{name}"
