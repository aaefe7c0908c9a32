"""Every kind of row is declared: whose it is, whether an export has it, and how it is erased."""

import json
from pathlib import Path

import pytest

from chalicelib.core.domain.errors import Refusal
from chalicelib.core.domain.person_refs import person_ref
from chalicelib.core.stores.items import from_item
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.personal_data.stores.registry import KINDS, LEFT, TABLES
from chalicelib.personal_data.stores.row_kinds import Disposition, find_kind, row_name
from chalicelib.personal_data.stores.rules import RULES
from infra import tables
from tests.conftest import Desk
from tests.support import erasures
from tests.support.api import Api
from tests.support.engine_state import take_snapshot
from tests.support.sample_data import SampleData
from tests.support.sample_requests import SAMPLE_REQUESTS, sample_request

# Rows do not depend on the engine.
pytestmark = pytest.mark.engine("embedded")

STORED = json.loads((Path(__file__).parents[1] / "data" / "stored_rows.json").read_text(encoding="utf-8"))
# Rows that end within minutes, hours or days: a desk begins without them after each release.
SHORT_LIVED = {
    ("idempotency", "MAILS#{user}#*"),
    ("sockets", "STREAMS#{user} / SLOT#*"),
    ("sockets", "STREAMS / DESK"),
    ("tokens", "MINUTE#{user}#*"),
    ("tokens", "TICKET#*"),
    ("idempotency", "FAILURE#*"),
    ("idempotency", "*"),
    ("network", "REQUESTS#{user} / *"),
    ("network", "CLAIMS#* / *"),
    ("network", "GUESSES#* / *"),
    ("network", "AUDIT-REFUSALS / *"),
    ("network", "REFUSAL#* / *"),
    ("network", "SHOWN#* / *"),
    ("network", "SHARE#* / *"),
}
HOW = "declare it in chalicelib/personal_data/stores/registry.py"


def test_every_row_that_a_store_has_ever_written_is_of_a_declared_kind() -> None:
    by_name = {table.name: table for table in (*TABLES, *LEFT)}
    unknown = [
        f"{name}: {row_name(row)!r}"
        for name, items in STORED.items()
        for row in map(from_item, items)
        if find_kind(KINDS, by_name[name], row) is None
    ]
    assert unknown == [], HOW


def test_every_kind_of_row_that_outlives_a_release_has_a_sample() -> None:
    """Stores must read the rows of existing desks. Those that end sooner are written anew."""
    by_name = {table.name: table for table in (*TABLES, *LEFT)}
    found = [find_kind(KINDS, by_name[name], from_item(item)) for name, items in STORED.items() for item in items]
    seen = {(kind.table.name, kind.key) for kind in found if kind}
    kinds = {(kind.table.name, kind.key) for kind in KINDS}
    assert kinds - seen == SHORT_LIVED, "add it to tests/support/further_rows.py and tests/data/stored_rows.json"


@pytest.mark.parametrize("name", SAMPLE_REQUESTS)
@pytest.mark.usefixtures("sockets")
def test_every_row_that_an_operation_writes_is_of_a_declared_kind(api: Api, desk: Desk, name: str) -> None:
    route, request = sample_request(name, SampleData(api, desk))
    request.send(api, route, key="a-key" if route.replay else None)
    unknown = {f"{table.name}: {row_name(row)!r}" for table, row in erasures.rows() if not find_kind(KINDS, table, row)}
    assert unknown == set(), HOW


def test_every_table_is_looked_at() -> None:
    assert {table.name for table in (*TABLES, *LEFT)} == {each.table.name for each in tables.DEFINITIONS}
    assert len(TABLES) == len(set(TABLES))


def test_every_kind_of_a_person_is_exported_or_says_why_not() -> None:
    for kind in KINDS:
        assert kind.is_personal == bool(kind.exported or kind.why_not), kind
        assert not (kind.exported and kind.why_not), kind


def test_every_kind_with_a_rule_of_its_own_has_one() -> None:
    assert {kind.key for kind in KINDS if kind.disposition is Disposition.BY_ITS_OWN_RULE} == RULES.keys()


def test_no_two_kinds_are_the_same() -> None:
    names = [(kind.table.name, kind.key) for kind in KINDS]
    assert len(names) == len(set(names))


@pytest.mark.usefixtures("sockets", "_retry_immediately")
def test_nothing_names_an_erased_person_after_any_operation(api: Api, desk: Desk) -> None:
    """What one operation needs, another has taken or ended. So there are rounds, each on a desk as it was at first."""
    start, pending, entries = take_snapshot(), list(SAMPLE_REQUESTS), 0
    bob = DynamoDirectory().find_person(desk.user_id("bob"))
    assert bob is not None
    while pending:
        start.restore()
        refused = [name for name in pending if not _takes_sample(api, desk, name)]
        assert len(refused) < len(pending), refused
        pending = refused
        # Operations have renamed him, to a name that stands in what others own.
        renamed = DynamoDirectory().find_person(bob.user_id)
        assert renamed is not None
        assert len(erasures.list_left(bob)) > 30
        erasures.begin(renamed)
        assert erasures.finish() is not None
        assert erasures.list_left(bob) == []
        ref = person_ref(bob.user_id)
        entries += sum(ref in (row.get("actorId"), row.get("personId")) for row in erasures.audit_rows())
    # Entries stay, and lead to nobody any more.
    assert entries > 0


def _takes_sample(api: Api, desk: Desk, name: str) -> bool:
    """Make the operation's sample request, and return whether it was answered as on a desk of its own."""
    try:
        route, request = sample_request(name, SampleData(api, desk))
    except (AssertionError, KeyError, ValueError, TypeError, Refusal):
        return False
    return request.send(api, route, key="a-key" if route.replay else None).status == route.status
