"""Employees: listed in the console, registered and deactivated by the command line."""

import pytest

from tests.conftest import Desk
from tests.operate.conftest import ADMIN, data
from tests.support.api import Api

pytestmark = pytest.mark.usefixtures("running_minute")


def test_employees_are_listed_with_their_rights(api: Api, desk: Desk) -> None:
    answer = api.get(f"{ADMIN}/people", desk.alice_key)
    found = [(each["email"], each["active"], each["operator"]) for each in data(answer)]
    assert found[0] == ("alice@example.com", True, True)
    assert ("dave@example.com", False, False) in found
    assert answer.calls[1:] == ["BatchGetItem", "Query", "BatchGetItem"]
