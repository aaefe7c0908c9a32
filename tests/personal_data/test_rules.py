"""Rules of rows that hang together: what they leave consistent when they meet something unusual."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.stores.idempotency import DynamoIdempotency
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.writes import commit
from chalicelib.personal_data.domain.subjects import Subject
from chalicelib.personal_data.stores.rows import DynamoPersonalRows, kind_of
from chalicelib.personal_data.stores.rules import Eraser, replace_row
from chalicelib.resources import CHAT, DELIVERIES, IDEMPOTENCY, PEERS
from tests.personal_data.test_rows import erase, read, store

BOB, ALICE = "0a1b2c3d-0000-4000-8000-00000000000b", "0a1b2c3d-0000-4000-8000-00000000000a"
STAND_IN = "ffffffff-0000-4000-8000-000000000000"
SUBJECT = Subject(BOB, "bob@example.com", "Bob", STAND_IN)

pytestmark = pytest.mark.usefixtures("tables")


@pytest.fixture
def rows() -> DynamoPersonalRows:
    return DynamoPersonalRows(Eraser(SUBJECT, datetime.now(UTC), lambda: str(uuid4()), lambda _: None))


def test_pointers_to_a_connection_that_is_gone_are_removed(rows: DynamoPersonalRows) -> None:
    pair = {"pk": f"USER#{BOB}", "sk": "PEER#https://other.example#zoe@other.example", "connectionId": "c1"}
    pointer = {"pk": "CONNECTION#c1", "sk": "CONNECTION", "userId": BOB, "tokenHash": "h"}
    store(PEERS, pair | {"tokenHash": "h"}, pointer)
    assert erase(rows, PEERS) == 1
    assert read(PEERS) == []


def test_a_bulk_call_no_longer_has_the_person_among_its_people(rows: DynamoPersonalRows) -> None:
    call: Row = {"pk": "EVENT#e", "sk": "CALL#f", "people": [ALICE, BOB], "told": '{"by":"bob@example.com"}'}
    store(DELIVERIES, call)
    assert erase(rows, DELIVERIES) == 1
    (left,) = read(DELIVERIES)
    assert left["people"] == [ALICE]
    assert "bob" not in left["told"]


def test_replies_to_the_person_are_removed_and_those_to_others_redacted(rows: DynamoPersonalRows) -> None:
    for scope, owner in (("a", BOB), ("b", ALICE)):
        claim = Claim(scope, "fingerprint", "nonce", 1, 9_999_999_999, owner)
        commit([], claim=claim, reply={"status": 200, "body": {"email": "bob@example.com"}})
    assert erase(rows, IDEMPOTENCY) == 1
    assert DynamoIdempotency().find(Claim("a", "", "", 1, 1)) is None
    kept = DynamoIdempotency().find(Claim("b", "", "", 1, 1))
    assert kept is not None
    assert kept.reply == {"status": 200, "body": {"email": "ffffffff@erased.invalid"}}


def test_a_row_that_changed_meanwhile_is_not_overwritten() -> None:
    seen: Row = {"pk": ALICE, "sk": "MESSAGE#1", "content": "bob@example.com"}
    store(CHAT, seen | {"content": "something new"})
    assert not replace_row(kind_of(CHAT, seen), seen, seen | {"content": "x"})
    assert replace_row(kind_of(CHAT, seen), seen, seen)
    assert read(CHAT)[0]["content"] == "something new"
