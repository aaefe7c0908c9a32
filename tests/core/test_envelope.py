"""The envelope of v2 replies."""

import json

import pytest

from chalicelib.core.domain.envelope import Data, envelope_json, stored_envelope
from chalicelib.core.domain.fields import Omittable, Out


class CardOut(Out):
    """A response with a camelCase member and one that may be left out."""

    due_date: str
    note: Omittable[str] = None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, {"success": True}),
        (CardOut(due_date="x"), {"success": True, "data": {"dueDate": "x"}}),
        ([], {"success": True, "data": []}),
        (
            [CardOut(due_date="x"), CardOut(due_date="y", note="n")],
            {"success": True, "data": [{"dueDate": "x"}, {"dueDate": "y", "note": "n"}]},
        ),
    ],
)
def test_envelope_wraps_data_and_leaves_out_unset_members(data: Data, expected: dict[str, object]) -> None:
    assert json.loads(envelope_json(data)) == expected


def test_stored_envelope_has_the_status_and_the_whole_body() -> None:
    assert stored_envelope(201, CardOut(due_date="x")) == {
        "status": 201,
        "body": {"success": True, "data": {"dueDate": "x"}},
    }
    assert stored_envelope(200) == {"status": 200, "body": {"success": True}}
