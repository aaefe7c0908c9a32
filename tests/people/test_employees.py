"""The employees' rows: there is always an active operator, whoever changes whom."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.core.domain.errors import Conflict
from chalicelib.people.domain.directory import Person
from chalicelib.people.stores.directory import DynamoDirectory

pytestmark = pytest.mark.usefixtures("tables")
DIRECTORY = DynamoDirectory()


def add(*names: str, active: bool = True, operator: bool = False) -> None:
    for name in names:
        DIRECTORY.add_person(Person(name, f"{name}@example.com", name.title(), active=active, operator=operator))


def operators() -> list[str]:
    return [each.user_id for each in DIRECTORY.list_people() if each.is_active_operator]


def test_the_last_active_operator_stays_one() -> None:
    add("alice", operator=True)
    add("bob")
    add("carol", active=False, operator=True)
    for known in ("alice", "bob", "carol", "nobody"):
        with pytest.raises(Conflict, match="last active operator"):
            DIRECTORY.change_person("alice", operator=False, while_operator=known)
        with pytest.raises(Conflict, match="last active operator"):
            DIRECTORY.set_active("alice", active=False, while_operator=known)
    assert operators() == ["alice"]
    DIRECTORY.change_person("carol", operator=False, while_operator="alice")
    DIRECTORY.change_person("bob", operator=True)
    DIRECTORY.set_active("alice", active=False, while_operator="alice")
    assert operators() == ["bob"]


def test_a_leaving_operator_loses_access_even_if_none_is_left() -> None:
    add("alice", operator=True)
    DIRECTORY.set_active("alice", active=False)
    assert operators() == []


def test_an_operator_is_found_among_hundreds_of_employees() -> None:
    add("alice", "zoe", operator=True)
    add(*(f"m{number:03d}" for number in range(150)))
    DIRECTORY.change_person("alice", operator=False, while_operator="alice")
    with pytest.raises(Conflict):
        DIRECTORY.change_person("zoe", operator=False, while_operator="zoe")


def test_operators_who_withdraw_each_others_rights_at_once_leave_one() -> None:
    for round_ in range(8):
        names = [f"{name}{round_}" for name in ("alice", "bob")]
        add(*names, operator=True)
        for each in operators():
            if each not in names:
                DIRECTORY.change_person(each, operator=False)

        def withdraw(pair: tuple[str, str]) -> bool:
            try:
                DIRECTORY.change_person(pair[0], operator=False, while_operator=pair[1])
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(withdraw, [(names[0], names[1]), (names[1], names[0])]))
        assert sorted(done) == [False, True]
        assert len(operators()) == 1


def test_a_name_changes_and_nothing_else() -> None:
    add("alice", operator=True)
    assert DIRECTORY.change_person("alice", name="Alice Ames").name == "Alice Ames"
    assert DIRECTORY.find_person("alice") == Person("alice", "alice@example.com", "Alice Ames", operator=True)
