"""Members of transactions: names and values in their expressions."""

import pytest

from chalicelib.core.stores.actions import assignments, put, update
from chalicelib.core.stores.reads import get
from chalicelib.core.stores.writes import commit
from chalicelib.resources import DIRECTORY

KEY = {"pk": "A", "sk": "1"}

pytestmark = pytest.mark.usefixtures("tables")


def test_reserved_names_and_aliases_are_written_as_they_are_called() -> None:
    commit([put(DIRECTORY, KEY | {"status": "old", "links": {}})])
    change = f"SET {assignments(('status', 'name'))}, #links.#other = :key REMOVE #missing"
    commit(
        [update(DIRECTORY, KEY, change, "#status = :seen", {"other": "a.b"}, status="new", name="n", key=1, seen="old")]
    )
    assert get(DIRECTORY, KEY) == KEY | {"status": "new", "name": "n", "links": {"a.b": 1}}
