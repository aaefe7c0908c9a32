"""The directory listing: who strangers find, in which order, and counts that are always true."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.domain.errors import NotFound
from chalicelib.core.stores.writes import commit
from chalicelib.people.domain.directory import Person, Project, Team, TeamVisibility, Visibility
from chalicelib.people.domain.person_card import card_fields
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.people.stores.directory_listing import (
    DynamoDirectoryListing,
    person_listing,
    profile_actions,
    team_listing,
)
from tests.support.concurrency import run_concurrently
from tests.support.store_calls import record_store_calls

DIRECTORY, LISTING = DynamoDirectory(), DynamoDirectoryListing()

pytestmark = pytest.mark.usefixtures("tables")


def add(name: str, *, active: bool = True) -> None:
    DIRECTORY.add_person(Person(name, f"{name}@example.com", name.title(), active))


def show(name: str, now: Visibility, *, was: Visibility = Visibility.CONNECTIONS, at: str = "2026") -> None:
    """Save a profile with this visibility."""
    commit(profile_actions(name, {"headline": f"I am {name}", "secret": "x"}, was=was, now=now, at=at))


def listed(*visibilities: Visibility) -> list[str]:
    return [card.user_id for card in LISTING.iterate_people(visibilities or list(Visibility), most=None)]


def add_team(team: Team) -> None:
    DIRECTORY.add_project(Project(team.team_id, team.team_id, "x", team.team_id, frozenset(), frozenset()), team)


def test_new_active_person_is_listed_for_connections() -> None:
    add("alice")
    add("bob", active=False)
    assert listed(Visibility.CONNECTIONS) == ["alice"]
    assert listed(Visibility.PUBLIC) == []
    (card,) = LISTING.iterate_people([Visibility.CONNECTIONS], most=None)
    assert (card.name, card.email, card.visibility, card.profile) == (
        "Alice",
        "alice@example.com",
        Visibility.CONNECTIONS,
        None,
    )


def test_private_profile_is_never_listed_but_counted() -> None:
    add("alice")
    show("alice", Visibility.PRIVATE)
    assert listed() == []
    counts = LISTING.counts()
    assert (counts.people, counts.people_with([Visibility.PRIVATE]), counts.people_with([Visibility.PUBLIC])) == (
        1,
        1,
        0,
    )


def test_listed_profile_has_only_the_fields_that_strangers_may_see() -> None:
    add("alice")
    show("alice", Visibility.PUBLIC)
    (card,) = LISTING.iterate_people([Visibility.PUBLIC], most=None)
    assert card.profile == card_fields({"headline": "I am alice", "secret": "x"}) == {"headline": "I am alice"}


def test_people_of_several_visibilities_come_last_changed_first() -> None:
    for number, name in enumerate(("alice", "bob", "carol", "dave")):
        add(name)
        show(name, [Visibility.PUBLIC, Visibility.CONNECTIONS][number % 2], at=f"202{number}")
    assert listed(Visibility.PUBLIC, Visibility.CONNECTIONS) == ["dave", "carol", "bob", "alice"]
    assert listed(Visibility.PUBLIC) == ["carol", "alice"]


def test_more_people_than_a_page_are_read_as_they_are_needed() -> None:
    for number in range(7):
        add(f"p{number}")
    people = LISTING.iterate_people([Visibility.CONNECTIONS], most=3)
    with record_store_calls() as seen:
        first = [next(people) for _ in range(3)]
    assert (len(first), len(seen.calls)) == (3, 1)
    assert len(list(people)) == 4


def test_inactive_person_is_not_listed_and_comes_back_at_the_same_place() -> None:
    for number, name in enumerate(("alice", "bob", "carol")):
        add(name)
        show(name, Visibility.PUBLIC, at=f"202{number}")
    DIRECTORY.set_active("bob", active=False)
    assert (listed(), LISTING.counts().people) == (["carol", "alice"], 2)
    DIRECTORY.set_active("bob", active=True)
    assert (listed(), LISTING.counts().people) == (["carol", "bob", "alice"], 3)


def test_counts_hold_when_everybody_changes_at_once() -> None:
    names = [f"p{number}" for number in range(6)]
    for name in names:
        add(name)
    run_concurrently(6, lambda number: DIRECTORY.set_active(names[number], active=number % 2 == 0))
    assert LISTING.counts().people == 3
    assert sorted(listed()) == names[::2]


def test_teams_are_listed_by_name_without_the_private_ones() -> None:
    for number, (name, visibility) in enumerate(
        (("zebra", TeamVisibility.PUBLIC), ("Apple", TeamVisibility.NETWORK), ("middle", TeamVisibility.PRIVATE))
    ):
        add_team(Team(f"t{number}", name, visibility=visibility))
    assert [team.name for team in LISTING.list_teams(list(TeamVisibility))] == ["Apple", "zebra"]
    assert [team.name for team in LISTING.list_teams([TeamVisibility.PUBLIC])] == ["zebra"]
    assert LISTING.counts().teams == 3


def test_team_changes_its_visibility_and_stays_one_team() -> None:
    team = Team("t", "Platform", "What others build on.")
    add_team(team)
    for visibility in (TeamVisibility.PUBLIC, TeamVisibility.PUBLIC, TeamVisibility.NETWORK, TeamVisibility.PRIVATE):
        changed = LISTING.set_team_visibility("t", visibility)
        assert changed == Team("t", team.name, team.description, visibility=visibility)
        found = LISTING.list_teams(list(TeamVisibility))
        assert found == ([] if visibility is TeamVisibility.PRIVATE else [changed])
        assert LISTING.counts().teams == 1
    with pytest.raises(NotFound):
        LISTING.set_team_visibility("other", TeamVisibility.PUBLIC)


@given(st.lists(st.tuples(st.sampled_from(Visibility), st.booleans()), max_size=20))
def test_only_active_people_who_are_not_private_have_a_place_in_the_index(
    people: list[tuple[Visibility, bool]],
) -> None:
    rows = [person_listing("u", visibility, listed=active) for visibility, active in people]
    expected = Counter(f"PEOPLE#{visibility}" for visibility, active in people if active and visibility != "private")
    assert Counter(row["listed"] for row in rows if "listed" in row) == expected


@given(st.text(max_size=9), st.text(max_size=9))
def test_teams_are_ordered_by_their_names_in_any_case(one: str, other: str) -> None:
    first, second = (team_listing(Team("t", name))["listedAs"] for name in (one, other))
    assert (first == second) is (one.casefold() == other.casefold())
