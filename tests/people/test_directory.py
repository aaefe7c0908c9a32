"""The directory: people with unique addresses, integrators, and projects with their members."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chalicelib.aws import dynamodb
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.people.domain.directory import (
    Integrator,
    IntegratorIn,
    IntegratorPatch,
    Person,
    Project,
    ProjectIn,
    Team,
    to_details,
    to_integrator_list,
)
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.people.stores.directory_rows import has_relaxed_event_types
from chalicelib.people.stores.teams import DynamoTeams
from chalicelib.resources import DIRECTORY as TABLE
from tests.support.concurrency import run_concurrently
from tests.support.store_calls import record_store_calls

DIRECTORY = DynamoDirectory()
AT, LATER = "2026-05-21T12:00:00.000Z", "2026-05-22T12:00:00.000Z"
FD1 = Integrator("1", "fd1", "First", "fd1.", AT, "https://fd1.test/", "The first one.")
TEAM = Team("t", "Platform")
PROJECT = Project("p", "apollo", "Apollo", "t", frozenset({"alice", "bob"}), frozenset({"alice"}))

pytestmark = pytest.mark.usefixtures("tables")


def person(name: str, **more: bool) -> Person:
    return Person(name, f"{name}@example.com", name.title(), **more)


def save(integrator: Integrator, over: Integrator) -> bool:
    return DIRECTORY.save_integrator(integrator, over=over, claim=None, reply={})


def describe(integrator: Integrator, description: str | None) -> Integrator:
    return Integrator(**{**vars(integrator), "description": description})


# People


def test_person_is_found_by_id_and_by_address() -> None:
    alice = person("alice", org_admin=True)
    DIRECTORY.add_person(alice)
    assert DIRECTORY.find_person("alice") == DIRECTORY.find_person_by_email("alice@example.com") == alice
    assert DIRECTORY.find_person("bob") is None
    assert DIRECTORY.find_person_by_email("bob@example.com") is None
    assert DIRECTORY.find_user_ids(["alice@example.com", "bob@example.com"]) == {"alice@example.com": "alice"}


def test_address_and_an_id_belong_to_one_person() -> None:
    DIRECTORY.add_person(person("alice"))
    for taken in (Person("other", "alice@example.com", "Other"), Person("alice", "other@example.com", "Other")):
        with pytest.raises(Conflict):
            DIRECTORY.add_person(taken)
    assert DIRECTORY.list_people() == [person("alice")]


def test_people_are_listed_by_address_however_many_they_are() -> None:
    for number in reversed(range(120)):
        DIRECTORY.add_person(person(f"p{number:03d}", active=number % 2 == 0))
    assert [each.user_id for each in DIRECTORY.list_people()] == [f"p{number:03d}" for number in range(120)]
    assert len(DIRECTORY.find_people([f"p{number:03d}" for number in range(120)] * 2)) == 120


def test_only_an_active_operator_is_an_operator() -> None:
    DIRECTORY.add_person(person("alice"))
    assert not DIRECTORY.is_operator("alice")
    DIRECTORY.change_person("alice", operator=True)
    assert DIRECTORY.is_operator("alice")
    DIRECTORY.set_active("alice", active=False)
    assert not DIRECTORY.is_operator("alice")
    DIRECTORY.set_active("alice", active=True)
    DIRECTORY.change_person("alice", operator=False)
    assert not DIRECTORY.is_operator("alice")
    assert not DIRECTORY.is_operator("nobody")


def test_unknown_person_is_not_changed() -> None:
    with pytest.raises(NotFound):
        DIRECTORY.change_person("nobody", operator=True)
    with pytest.raises(NotFound):
        DIRECTORY.set_active("nobody", active=False)
    assert DIRECTORY.list_people() == []


def test_person_who_is_active_already_takes_one_call() -> None:
    DIRECTORY.add_person(person("alice"))
    for active, calls in ((True, 1), (False, 2), (False, 1)):
        with record_store_calls() as seen:
            DIRECTORY.set_active("alice", active=active)
        assert len(seen.calls) == calls


# Integrators


def test_integrator_keeps_its_slug_for_good() -> None:
    DIRECTORY.add_integrator(FD1)
    other = replace(FD1, integrator_id="4b1c1b1e-0000-4000-8000-000000000002")
    with pytest.raises(Conflict):
        DIRECTORY.add_integrator(other)
    DIRECTORY.archive_integrator("fd1", at=AT)
    with pytest.raises(Conflict):
        DIRECTORY.add_integrator(other)
    assert DIRECTORY.find_integrator("fd2") is None


def test_integrator_is_archived_once_and_then_stays_as_it_is() -> None:
    DIRECTORY.add_integrator(FD1)
    for at in (AT, LATER):
        DIRECTORY.archive_integrator("fd1", at=at)
    found = DIRECTORY.find_integrator("fd1")
    assert found is not None
    assert found.archived_at == AT
    assert not save(describe(FD1, "New."), over=FD1)
    with pytest.raises(NotFound):
        DIRECTORY.archive_integrator("fd2", at=AT)


def test_change_counts_only_over_the_integrator_that_was_seen() -> None:
    DIRECTORY.add_integrator(FD1)
    changes = [describe(FD1, f"Change {number}.") for number in range(4)]
    assert sum(run_concurrently(4, lambda number: save(changes[number], over=FD1))) == 1
    found = DIRECTORY.find_integrator("fd1")
    assert found in changes
    assert found is not None
    assert save(describe(FD1, None), over=found)
    assert DIRECTORY.list_integrators() == [describe(FD1, None)]


def test_list_shows_integrators_that_are_not_archived_and_details_show_the_archived_too() -> None:
    archived = Integrator(**{**vars(FD1), "archived_at": LATER})
    (shown,) = to_integrator_list([archived, FD1])
    assert shown.model_dump(by_alias=True) == {
        "id": "1",
        "slug": "fd1",
        "name": "First",
        "allowedEventPrefix": "fd1.",
        "homepageUrl": "https://fd1.test/",
        "description": "The first one.",
        "createdAt": AT,
    }
    assert to_details(archived).archived_at == LATER


def test_integrators_of_before_the_setting_may_publish_short_event_types() -> None:
    DIRECTORY.add_integrator(FD1)
    assert not has_relaxed_event_types("other")
    key = {"pk": {"S": "INTEGRATORS"}, "sk": {"S": "fd1"}}
    dynamodb().update_item(TableName=TABLE.physical_name, Key=key, UpdateExpression="REMOVE relaxedEventTypes")
    assert DIRECTORY.find_integrator("fd1") == FD1
    assert FD1.relaxed_event_types
    assert has_relaxed_event_types("fd1")
    strict = replace(FD1, relaxed_event_types=False)
    assert save(strict, FD1)
    assert (DIRECTORY.find_integrator("fd1"), has_relaxed_event_types("fd1")) == (strict, False)
    assert not save(FD1, FD1)


# Projects


def test_project_is_created_with_its_team_and_its_members() -> None:
    DIRECTORY.add_project(PROJECT, TEAM)
    assert DIRECTORY.find_project("apollo") == PROJECT
    assert DIRECTORY.find_project("other") is None
    (roster,) = DynamoTeams().list_rosters(["t"])
    assert (roster.team, roster.members) == (TEAM, PROJECT.members)


def test_project_joins_an_existing_team_only() -> None:
    with pytest.raises(NotFound):
        DIRECTORY.add_project(PROJECT, None)
    assert DIRECTORY.list_projects() == []
    DIRECTORY.add_project(PROJECT, TEAM)
    second = Project("q", "zeus", "Zeus", "t", frozenset({"carol"}), frozenset())
    DIRECTORY.add_project(second, None)
    assert DIRECTORY.list_projects() == [PROJECT, second]
    (roster,) = DynamoTeams().list_rosters(["t"])
    assert roster.members == {"alice", "bob", "carol"}


def test_slug_belongs_to_one_project() -> None:
    DIRECTORY.add_project(PROJECT, TEAM)
    for team in (Team("u", "Other"), None):
        with pytest.raises(Conflict):
            DIRECTORY.add_project(Project("q", "apollo", "Other", "t", frozenset(), frozenset()), team)
    assert DynamoTeams().find_teams(["u"]) == {}


def test_members_are_added_changed_and_removed() -> None:
    DIRECTORY.add_project(PROJECT, TEAM)
    DIRECTORY.add_member("apollo", "carol", admin=False)
    DIRECTORY.add_member("apollo", "bob", admin=True)
    DIRECTORY.remove_member("apollo", "alice")
    found = DIRECTORY.find_project("apollo")
    assert found is not None
    assert found == Project("p", "apollo", "Apollo", "t", frozenset({"bob", "carol"}), frozenset({"bob"}))
    assert DynamoTeams().own_team_ids("carol") == ["t"]
    assert DynamoTeams().own_team_ids("alice") == []


def test_unknown_projects_and_members_are_not_found() -> None:
    with pytest.raises(NotFound):
        DIRECTORY.add_member("apollo", "carol", admin=False)
    DIRECTORY.add_project(PROJECT, TEAM)
    with pytest.raises(NotFound):
        DIRECTORY.remove_member("apollo", "carol")


def test_access_to_a_project_follows_membership_and_administration() -> None:
    for name, admin in (("alice", False), ("bob", False), ("carol", True)):
        DIRECTORY.add_person(person(name, org_admin=admin))
    DIRECTORY.add_project(PROJECT, TEAM)
    for sender, recipient, administers, member in (
        ("alice", "bob", True, True),
        ("bob", "alice", False, True),
        ("bob", "carol", False, False),
        ("carol", None, True, True),
        ("nobody", "bob", False, True),
    ):
        access = DIRECTORY.find_access("apollo", sender_id=sender, recipient_id=recipient)
        assert access is not None
        assert list(vars(access).values()) == ["p", administers, member]
    assert DIRECTORY.find_access("other", sender_id="alice", recipient_id=None) is None


# Requests


@given(st.from_regex(r"[a-z0-9]{1,9}(-[a-z0-9]{1,9}){0,3}", fullmatch=True))
def test_slug_is_lower_case_words_joined_by_hyphens(slug: str) -> None:
    assert ProjectIn(slug=slug, name="x").slug == slug
    for wrong in (f"-{slug}", f"{slug}-", f"{slug}--x", f"{slug}A", f"{slug} ", f"{slug}\n"):
        with pytest.raises(ValidationError):
            ProjectIn(slug=wrong, name="x")


@pytest.mark.parametrize("prefix", ["fd1", ".", "fd1..", ".fd1.", "f d.", "é.", "x" * 40 + "."])
def test_event_prefix_is_names_that_each_end_in_a_dot(prefix: str) -> None:
    assert IntegratorIn(slug="x", name="x", event_prefix="fd1.hr_x.").event_prefix == "fd1.hr_x."
    with pytest.raises(ValidationError):
        IntegratorIn(slug="x", name="x", event_prefix=prefix)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://x", "https://", "//x", "not a url"])
def test_homepage_that_is_no_web_link_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        IntegratorIn(slug="x", name="x", event_prefix="x.", homepage_url=url)


@pytest.mark.parametrize("body", ["{}", '{"name": null}', '{"slug": "x"}', '{"eventPrefix": "x."}'])
def test_change_of_an_integrator_has_a_member_that_may_change(body: str) -> None:
    assert IntegratorPatch.model_validate_json('{"description": null}').model_fields_set == {"description"}
    with pytest.raises(ValidationError):
        IntegratorPatch.model_validate_json(body)
