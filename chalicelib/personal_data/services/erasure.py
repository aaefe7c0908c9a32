"""Erase a person: everything that is theirs is removed, and what others keep names them no more."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.core.domain.errors import Conflict
from chalicelib.core.domain.fields import timestamp
from chalicelib.people.domain.directory import Person
from chalicelib.personal_data.domain.erasures import MOST_PASSES, Erasure, Key, Page, Place, Receipt, receipt_of
from chalicelib.personal_data.domain.subjects import Redaction, Subject


class Erasures(Protocol):
    """Stores erasures and receipts."""

    def begin(self, erasure: Erasure) -> None: ...
    def list_running(self) -> list[Erasure]: ...
    def find(self, erasure_id: str) -> Erasure | None: ...
    def save(self, erasure: Erasure, *, over: Erasure) -> Erasure | None: ...
    def finish(self, erasure: Erasure, receipt: Receipt) -> Receipt: ...
    def find_receipt(self, receipt_id: str) -> Receipt | None: ...


class PersonalRows(Protocol):
    """Finds and erases the rows of one person."""

    def find_page(self, place: Place) -> Page: ...
    def erase(self, table: int, key: Key) -> None: ...


class FailedMessages(Protocol):
    """Changes the messages that workers failed on."""

    def rewrite(self, change: Callable[[str], str]) -> int: ...


def find_running(email: str, *, erasures: Erasures) -> Erasure | None:
    """Find the erasure of the person with this address that has not ended. One store call."""
    return next((each for each in erasures.list_running() if each.subject.email == email.lower()), None)


def check_successor(person: Person, successor: Person | None) -> None:
    """Check who takes over what the person was responsible for.

    Raises:
        Conflict: the successor is not active, or is the same person.
    """
    if successor is not None and (not successor.active or successor.user_id == person.user_id):
        raise Conflict("The successor must be another active employee.")


def begin_erasure(
    person: Person,
    *,
    erasure_id: str,
    stand_in_id: str,
    successor: Person | None,
    colleagues: Sequence[Person],
    now: datetime,
    erasures: Erasures,
) -> Erasure:
    """Begin to erase a deactivated person; `colleagues` are all employees. Store calls: 1.

    Raises:
        Conflict: the person is active, or the successor is not or is the same person.
    """
    check_successor(person, successor)
    name = person.name.casefold()
    subject = Subject(
        user_id=person.user_id,
        email=person.email,
        name=person.name,
        stand_in_id=stand_in_id,
        successor_id=successor.user_id if successor else None,
        is_namesake=any(each.name.casefold() == name for each in colleagues if each.user_id != person.user_id),
    )
    erasure = Erasure(erasure_id, subject, begun_at=timestamp(now), pass_begun_at=timestamp(now))
    erasures.begin(erasure)
    return erasure


def continue_erasure(
    erasure_id: str,
    *,
    clock: Callable[[], datetime],
    has_time: Callable[[], bool],
    erasures: Erasures,
    rows_of: Callable[[Subject], PersonalRows],
    messages: FailedMessages,
) -> Receipt | None:
    """Carry an erasure on while there is time; None if there is more to do, now or later.

    Store calls: 2 for each thousand rows of the desk and pass, or for each hundred rows that are erased, and what
    erasing each of them takes. Queue calls: 2 for each queue and pass, and 3 for each failed message that names the
    person.

    Raises:
        RuntimeError: one pass after another finds something.
    """
    erasure = erasures.find(erasure_id)
    while erasure is not None and has_time():
        rows = rows_of(erasure.subject)
        for key in erasure.planned:
            rows.erase(erasure.planned_in, key)
        done = erasure.carried_out()
        if done.place is not None:
            erasure = erasures.save(done.planning(rows.find_page(done.place)), over=erasure)
        elif done.is_settled():
            return erasures.finish(erasure, receipt_of(done, now=clock()))
        elif not done.can_look_again(now=clock()):
            return None
        elif done.passes >= MOST_PASSES:
            raise RuntimeError(f"erasure {erasure_id} finds something in every pass")
        else:
            rewritten = messages.rewrite(Redaction(done.subject).redact_text)
            erasure = erasures.save(done.looking_again(now=clock(), messages=rewritten), over=erasure)
    return erasures.find_receipt(erasure_id) if erasure is None else None
