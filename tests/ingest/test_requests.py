"""Who the events of a request are for, and what they cost."""

import pytest

from chalicelib.core.domain.budgets import Charge
from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.severity import Severity
from chalicelib.ingest.domain.incoming import Draft, IngestStep, Reading
from chalicelib.ingest.domain.requests import IngestRequest, ingest_charge, parse_recipients

DRAFTS = (
    Draft("1", "a.b", "One", Severity.INFO),
    Draft("2", "a.b", "Two", Severity.CRITICAL),
    Draft("3", "a.b", "Three", step=IngestStep.RESOLVE),
)


def test_recipients_are_addresses_ids_and_groups_each_once() -> None:
    user_id = "00000000-0000-4000-8000-000000000001"
    found = parse_recipients(f"a@example.com, group:apollo,{user_id},a@example.com")
    assert [each.type for each in found] == ["email", "group", "user_id"]
    assert parse_recipients(None) == ()


@pytest.mark.parametrize("text", [",", "nobody", "group:", "group:" + "x" * 81])
def test_malformed_recipients_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_recipients(text)


@pytest.mark.parametrize(
    ("to", "dry_run", "charge"),
    [
        (None, False, Charge(4, 2)),
        ("a@example.com,b@example.com", False, Charge(3, 4)),
        (None, True, Charge(1, 0)),
    ],
)
def test_each_event_costs_what_publishing_it_costs(to: str | None, dry_run: bool, charge: Charge) -> None:
    request = IngestRequest(Reading(DRAFTS), parse_recipients(to), dry_run)
    assert ingest_charge(request) == charge
