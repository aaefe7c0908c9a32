"""An erasure knows how far it has come, counts each row once, and ends when a whole pass finds nothing."""

from datetime import UTC, datetime, timedelta

from chalicelib.core.domain.fields import timestamp
from chalicelib.personal_data.domain.erasures import SETTLING, Erasure, Page, Place, receipt_of
from chalicelib.personal_data.domain.subjects import Subject

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SUBJECT = Subject("id", "bob@example.com", "Bob", "other")
KEY = {"pk": "a", "sk": "b"}


def erasure(**more: object) -> Erasure:
    return Erasure("e", SUBJECT, timestamp(NOW), timestamp(NOW), **more)  # type: ignore[arg-type]


def test_a_page_is_planned_and_counted_at_once() -> None:
    planned = erasure(place=Place(3)).planning(Page([KEY], {"tasks": 1}, 0, Place(4)))
    assert (planned.planned_in, planned.planned, planned.place) == (3, [KEY], Place(4))
    again = planned.carried_out().planning(Page([KEY], {"tasks": 2, "cards": 1}, 1, None))
    assert (again.counts, again.found, again.waits) == ({"cards": 1, "tasks": 3}, 2, 1)


def test_a_pass_that_found_something_is_followed_by_another() -> None:
    ended = erasure(place=None, found=1)
    assert not ended.is_settled()
    assert ended.can_look_again(now=NOW)
    following = ended.looking_again(now=NOW + SETTLING, messages=2)
    assert (following.passes, following.found, following.place) == (2, 0, Place())
    assert following.counts == {"failed messages (pseudonymised)": 2}


def test_the_last_pass_begins_after_everything_of_before_has_ended() -> None:
    early = erasure(place=None)
    assert not early.is_settled()
    assert not early.can_look_again(now=NOW + SETTLING - timedelta(milliseconds=1))
    assert early.can_look_again(now=NOW + SETTLING)
    assert not early.looking_again(now=NOW + SETTLING).is_settled()
    assert erasure(place=None, found=0).looking_again(now=NOW + SETTLING).planning(Page([], {}, 0, None)).is_settled()


def test_what_a_worker_deletes_is_waited_for() -> None:
    waiting = erasure(place=None, waits=1).looking_again(now=NOW + SETTLING).planning(Page([], {}, 1, None))
    assert not waiting.is_settled()
    assert not waiting.can_look_again(now=NOW + SETTLING)
    assert waiting.can_look_again(now=NOW + 2 * SETTLING)


def test_a_receipt_names_nobody() -> None:
    receipt = receipt_of(erasure(counts={"tasks": 2}), now=NOW)
    assert receipt.to_record() == {
        "receiptId": "e",
        "begunAt": timestamp(NOW),
        "endedAt": timestamp(NOW),
        "passes": 1,
        "erased": {"account": 1, "tasks": 2},
    }
