"""People and teams as strangers find them: columns and counts in the table `directory`.

index list: listed = PEOPLE#<visibility> of an active person who is not private, TEAMS#<visibility> of such a team;
            listedAs = when a profile was last changed, or nothing, and the id; a team's name and id
FOUND / COUNTS: the number of active people and of teams by visibility (see lists)

Both are written in one transaction with their causes: a person becomes active or inactive, or changes the profile.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Any

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.ports import Action
from chalicelib.core.stores import lists
from chalicelib.core.stores.actions import assignments, update
from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.reads import get_all, query
from chalicelib.core.stores.writes import try_commit
from chalicelib.people.domain.directory import Team, TeamVisibility, Visibility
from chalicelib.people.domain.person_card import PersonCard, card_fields
from chalicelib.people.stores.directory_rows import person_key, team_key
from chalicelib.resources import DIRECTORY, LIST_INDEX

_PARTITION = "FOUND"
_PEOPLE, _TEAMS = "PEOPLE", "TEAMS"


@dataclass(frozen=True)
class ListingCounts:
    """The number of active people and of teams."""

    row: Row

    @property
    def people(self) -> int:
        return lists.total(self.row, _PEOPLE, None)

    @property
    def teams(self) -> int:
        return lists.total(self.row, _TEAMS, None)

    def people_with(self, visibilities: Sequence[Visibility]) -> int:
        return sum(lists.total(self.row, _PEOPLE, str(each)) for each in visibilities)


class DynamoDirectoryListing:
    def counts(self) -> ListingCounts:
        """Read the counts consistently. One store call."""
        return ListingCounts(lists.find_counts(DIRECTORY, _PARTITION))

    def iterate_people(self, visibilities: Sequence[Visibility], *, most: int | None) -> Iterator[PersonCard]:
        """Iterate over active people with one of the visibilities, last changed first (eventually consistent).

        One store call for each visibility, and one more for each megabyte, or each `most` people.
        """
        rows = [_query_listed(f"{_PEOPLE}#{each}", most=most, ScanIndexForward=False) for each in visibilities]
        return map(_to_card, merge(*rows, key=lambda row: row["listedAs"], reverse=True))

    def list_teams(self, visibilities: Sequence[TeamVisibility]) -> list[Team]:
        """List the teams with one of the visibilities, by name (eventually consistent). One store call for each."""
        rows = merge(*(_query_listed(f"{_TEAMS}#{each}") for each in visibilities), key=lambda row: row["listedAs"])
        return [_to_team(row) for row in rows]

    def set_team_visibility(self, team_id: str, visibility: TeamVisibility) -> Team:
        """Set who may find the team. Two store calls.

        Raises:
            NotFound: there is no such team.
            Unavailable: many calls are changing it at once.
        """
        key = team_key(team_id)
        attempts = Attempts("Too many calls are changing the team at once. Try again in a moment.")
        while attempts.again():
            rows = get_all(DIRECTORY, [key])
            if not rows:
                raise NotFound(f"Team {team_id} not found.")
            row, seen = rows[0], TeamVisibility(rows[0]["visibility"])
            team = Team(team_id, row["name"], row["description"], row["type"], visibility)
            relist = _update_listing(key, team_listing(team), "visibility = :seen", seen=seen.value)
            if try_commit([relist, *_count_changed(_TEAMS, seen, visibility)]):
                return team


def person_listing(user_id: str, visibility: Visibility, *, listed: bool, changed_at: str = "") -> Row:
    """The columns of a person's row by which strangers find the person."""
    row = {"visibility": visibility.value, "listedAs": f"{changed_at}#{user_id}"}
    is_listed = listed and visibility is not Visibility.PRIVATE
    return row | ({"listed": f"{_PEOPLE}#{visibility}"} if is_listed else {})


def team_listing(team: Team) -> Row:
    """The columns of a team's row by which strangers find the team."""
    row = {"visibility": team.visibility.value, "listedAs": f"{team.name.casefold()}#{team.team_id}"}
    is_listed = team.visibility is not TeamVisibility.PRIVATE
    return row | ({"listed": f"{_TEAMS}#{team.visibility}"} if is_listed else {})


def count_added(*, people: Sequence[Visibility] = (), teams: Sequence[TeamVisibility] = ()) -> Action:
    """The action that counts more people and teams with these visibilities."""
    added = [(_PEOPLE, str(each)) for each in people] + [(_TEAMS, str(each)) for each in teams]
    return lists.count_action(DIRECTORY, _PARTITION, added=added)


def set_active_actions(row: Row, *, active: bool) -> list[Action]:
    """The transaction that makes a person active or inactive, if the row is still as it was read."""
    user_id, visibility = row["pk"].partition("#")[2], Visibility(row["visibility"])
    changed_at = row["listedAs"].partition("#")[0]
    listing = person_listing(user_id, visibility, listed=active, changed_at=changed_at) | {"active": active}
    relist = _update_listing(
        {"pk": row["pk"], "sk": row["sk"]},
        listing,
        "active = :was AND visibility = :seen AND listedAs = :seenAs AND attribute_not_exists(erasing)"
        " AND (#operator = :seenOperator OR attribute_not_exists(#operator))",
        was=not active,
        seenOperator=row.get("operator", False),
        seen=visibility.value,
        seenAs=row["listedAs"],
    )
    facets = [(_PEOPLE, str(visibility))]
    changes: Any = {"added": facets} if active else {"taken": facets}
    return [relist, lists.count_action(DIRECTORY, _PARTITION, **changes)]


def profile_actions(
    user_id: str, profile: Mapping[str, Any], *, was: Visibility, now: Visibility, at: str
) -> list[Action]:
    """The actions that list an active person with a changed profile; the one on the person's row comes first."""
    listing = person_listing(user_id, now, listed=True, changed_at=at) | {"card": card_fields(profile)}
    relist = _update_listing(person_key(user_id), listing, "active = :yes", yes=True)
    return [relist, *_count_changed(_PEOPLE, was, now)]


def _count_changed(kind: str, was: str, now: str) -> list[Action]:
    if was == now:
        return []
    return [lists.count_action(DIRECTORY, _PARTITION, added=[(kind, str(now))], taken=[(kind, str(was))])]


def _update_listing(key: Row, listing: Row, condition: str, **named: Any) -> Action:
    removed = "" if "listed" in listing else " REMOVE listed"
    return update(DIRECTORY, key, f"SET {assignments(listing)}{removed}", condition, **listing, **named)


def _query_listed(partition: str, *, most: int | None = None, **more: Any) -> Iterator[Row]:
    return query(
        DIRECTORY,
        IndexName=LIST_INDEX,
        KeyConditionExpression="listed = :listed",
        ExpressionAttributeValues=values(listed=partition),
        **({"Limit": most} if most else {}),
        **more,
    )


def _to_card(row: Row) -> PersonCard:
    user_id, visibility = row["pk"].partition("#")[2], Visibility(row["listed"].partition("#")[2])
    return PersonCard(user_id, row["name"], row["email"], visibility, row.get("card"))


def _to_team(row: Row) -> Team:
    visibility = TeamVisibility(row["listed"].partition("#")[2])
    return Team(row["pk"].partition("#")[2], row["name"], row["description"], visibility=visibility)
