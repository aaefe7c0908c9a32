"""Bob, who is to be erased: his data, and what is left of him."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import time_machine

from chalicelib import aws
from chalicelib.core.stores.items import Row, from_item
from chalicelib.people.domain.directory import Person
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.personal_data.domain.erasures import Erasure, Receipt
from chalicelib.personal_data.domain.subjects import Redaction, Subject, texts_in
from chalicelib.personal_data.services.erasure import begin_erasure
from chalicelib.personal_data.stores.erasures import DynamoErasures
from chalicelib.personal_data.stores.registry import LEFT, TABLES
from chalicelib.personal_data.stores.row_kinds import HELPERS
from chalicelib.personal_data.stores.rules import unpack_reply
from chalicelib.resources import AUDIT, PEER_NOTICES, Table
from chalicelib.schedules.erasures import carry_on
from tests.support import inputs
from tests.support.api import Api
from tests.support.pump import Pumps
from tests.support.sample_data import SampleData

if TYPE_CHECKING:
    from tests.conftest import Desk

BOB = "bob@example.com"
STAND_IN = UUID("00000000-0000-4000-8000-00000000e4a5")
ERASURE = "erasure-of-bob"
# How many there are follows from what else tells people of changes.
_PASSING = (HELPERS, "live events")
# The rows of the demo organisation with what `give_data` adds, and nothing left.
RESULT = (
    {
        "account": 1,
        "approvals": 1,
        "cards": 3,
        "catalog items (pseudonymised)": 1,
        "chat messages": 1,
        "contacts": 1,
        "contacts (pseudonymised)": 1,
        "deliveries": 1,
        "deliveries (pseudonymised)": 1,
        "keys": 1,
        "memberships": 2,
        "personal tokens": 1,
        "settings": 1,
        "tasks": 1,
    },
    list[str](),
)


def give_data(api: Api, desk: "Desk") -> Person:
    """Give Bob some data of several kinds, and a contact of Alice's that is him."""
    data = SampleData(api, desk)
    data.add_delivery()
    data.add_queue_item()
    data.add_card()
    data.create("/api/v2/shared-chat/send", {"content": "I am Bob."})
    contact = {"name": "Bob", "email": BOB, "phone": "+1 555 0100", "notes": f"Write to {BOB}."}
    data.create("/api/v2/contacts", contact, desk.alice_key)
    event = inputs.new_event(title="Deploy", summary=f"{BOB} has deployed.")
    api.post("/api/v1/events", event, desk.alice)
    person = DynamoDirectory().find_person_by_email(BOB)
    assert person is not None
    return person


def begin(
    person: Person, *, successor: Person | None = None, erasure_id: str = ERASURE, deactivated: bool = True
) -> Erasure:
    """Close the person's account, and begin to erase it."""
    people = DynamoDirectory()
    if deactivated:
        people.set_active(person.user_id, active=False)
    return begin_erasure(
        person,
        erasure_id=erasure_id,
        stand_in_id=str(uuid5(STAND_IN, person.user_id)),
        successor=successor,
        colleagues=people.list_people(),
        now=datetime.now(UTC),
        erasures=DynamoErasures(),
    )


def finish(seconds: float = 300) -> Receipt:
    """Let the schedule and the worker of notices run until the erasure ends."""
    now = datetime.now(UTC)
    for minutes in range(0, 30, 3):
        with time_machine.travel(now + timedelta(minutes=minutes), tick=True):
            receipt = carry_on(ERASURE, seconds=seconds)
            Pumps().drain(PEER_NOTICES)
            if receipt:
                return receipt
    raise AssertionError("the erasure did not end")


def audit_rows() -> list[Row]:
    """Return every entry of the audit log."""
    return [row for _, row in rows(AUDIT)]


def rows(*tables: Table) -> Iterator[tuple[Table, Row]]:
    """Iterate over every row of the tables, by default of all that there are; replies are unpacked."""
    for table in tables or (*TABLES, *LEFT):
        pages: Any = aws.dynamodb().get_paginator("scan").paginate(TableName=table.physical_name, ConsistentRead=True)
        for page in pages:
            yield from ((table, unpack_reply(from_item(dict(item)))) for item in page["Items"])


def list_left(person: Person) -> list[str]:
    """List the rows that have the person's address or id, or a text that is their name."""
    redaction = Redaction(Subject(person.user_id, person.email, person.name, ""))
    return [
        f"{table.name}: {row}"
        for table, row in rows()
        if redaction.names(row) or any(text == person.name for text in texts_in(row))
    ]


def read_result() -> tuple[dict[str, int], list[str]]:
    """Return what the receipt counts, and what is left of Bob."""
    receipt = DynamoErasures().find_receipt(ERASURE)
    left = [f"{table.name}: {row}" for table, row in rows() if BOB in str(row)]
    counts = {name: number for name, number in receipt.counts.items() if name not in _PASSING} if receipt else {}
    return counts, left
