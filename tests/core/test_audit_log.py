"""Reading the audit log in pages, and bounding what strangers can write into it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from chalicelib.core.domain.audit import STRANGER, Actor, ActorKind, AuditEntry, Credential, Subject, with_refs
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.stores import audit_log
from chalicelib.core.stores.audit_log import AuditFilter, list_entries, record_refusal
from chalicelib.core.stores.audit_trail import to_row
from chalicelib.core.stores.writes import write_all
from chalicelib.resources import AUDIT
from tests.support.worker_scenarios import scan_rows

NOW = datetime.now(UTC).replace(minute=5, second=0, microsecond=0)
KINDS = (AuditKind.KEY_CREATE, AuditKind.KEY_DELETE, AuditKind.SESSION_BEGIN)

pytestmark = pytest.mark.usefixtures("desk")


def entry(number: int) -> AuditEntry:
    actor = Actor(ActorKind.PERSON, f"u{number % 7}", Credential.KEY, "k1")
    subject = Subject("key", f"k{number}", f"u{number % 5}")
    return AuditEntry(f"e{number:04}", NOW - timedelta(seconds=number), KINDS[number % 3], actor, subject, "192.0.2.1")


def store(count: int) -> list[AuditEntry]:
    made = [entry(number) for number in range(count)]
    write_all(AUDIT, puts=map(to_row, made))
    return made


def read(wanted: AuditFilter = AuditFilter(), *, limit: int = 40) -> list[AuditEntry]:  # noqa: B008 - frozen
    return list(_read(wanted, limit))


def _read(wanted: AuditFilter, limit: int) -> Iterator[AuditEntry]:
    position = None
    for _ in range(1000):
        page = list_entries(wanted, after=position, limit=limit)
        assert len(page.entries) <= limit
        yield from page.entries
        if (position := page.position) is None:
            return
    raise AssertionError("the pages have no end")


@pytest.mark.parametrize("limit", [1, 7, 40, 200])
def test_pages_have_every_entry_once_newest_first(limit: int) -> None:
    made = store(150)
    assert [each.entry_id for each in read(limit=limit)] == [each.entry_id for each in made]
    assert read(limit=limit)[3].actor == with_refs(made[3]).actor


@pytest.mark.parametrize("at_once", [3, 1000])
def test_kinds_people_and_times_select_entries(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "_READ_AT_ONCE", at_once)
    made = store(150)
    keys = [each.entry_id for each in made if each.kind.startswith("key.")]
    assert [each.entry_id for each in read(AuditFilter(kind="key."))] == keys
    of_u3 = [each.entry_id for number, each in enumerate(made) if 3 in (number % 7, number % 5)]
    assert [each.entry_id for each in read(AuditFilter("u3"), limit=6)] == of_u3
    since, until = NOW - timedelta(seconds=20), NOW - timedelta(seconds=10)
    assert [each.entry_id for each in read(AuditFilter(since=since, until=until))] == [
        each.entry_id for each in made[10:21]
    ]
    chosen = AuditFilter("u3", kinds=frozenset({"session.begin"}))
    assert [each.entry_id for each in read(chosen)] == [
        each.entry_id
        for number, each in enumerate(made)
        if 3 in (number % 7, number % 5) and each.kind == "session.begin"
    ]
    assert read(AuditFilter(kind="nothing")) == []


def refuse(address: str, at: datetime, reason: str = "Unauthorized") -> None:
    details = {"reason": reason}
    record_refusal(AuditEntry(str(uuid4()), at, AuditKind.SESSION_REFUSE, STRANGER, address=address, details=details))


def test_one_address_has_one_entry_in_ten_minutes() -> None:
    for second in range(20):
        refuse("192.0.2.1", NOW + timedelta(seconds=second))
        refuse("2001:db8::1", NOW + timedelta(seconds=second))
        refuse("2001:db8::2", NOW + timedelta(seconds=second))
    refuse("192.0.2.1", NOW, "Conflict")
    refuse("192.0.2.1", NOW + timedelta(minutes=10))
    found = sorted((row["address"], row["details"]["reason"]) for row in scan_rows(AUDIT))
    assert found == [
        ("192.0.2.1", "Conflict"),
        ("192.0.2.1", "Unauthorized"),
        ("192.0.2.1", "Unauthorized"),
        ("2001:db8::1", "Unauthorized"),
    ]


def test_strangers_together_have_a_limited_number_in_an_hour_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit_log, "_MOST_REFUSALS", 5)
    for number in range(20):
        refuse(f"192.0.2.{number}", NOW)
    kinds = [row["kind"] for row in scan_rows(AUDIT)]
    assert sorted(kinds) == ["refusals.leaveOut", *["session.refuse"] * 5]
    refuse("192.0.2.99", NOW + timedelta(hours=1))
    assert len(list(scan_rows(AUDIT))) == 7
