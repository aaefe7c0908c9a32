"""What strangers may find of people and teams, in the rows of the table `directory`.

index list: listed = PEOPLE#<visibility> of an active person who is not private, TEAMS#<visibility> of such a team;
            listedAs = when a profile was last changed, or nothing, and the id; a team's name and id
FOUND / COUNTS: how many active people and how many teams there are of each visibility (see lists)

Each is written in one transaction with what it depends on: whether somebody is active, and their profile.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Any

from chalicelib.agents.stores.agents import DynamoAgents
from chalicelib.core.domain.errors import NotFound, Unavailable
from chalicelib.core.ports import Action
from chalicelib.core.stores import lists
from chalicelib.core.stores.items import Row, to_item, values
from chalicelib.core.stores.reads import get_all, query
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.federation.network.domain.discover import PersonCard, card_of, installed_found
from chalicelib.people.domain.directory import Team, TeamVisibility
from chalicelib.people.domain.profile import Visibility
from chalicelib.resources import DIRECTORY, LIST_INDEX

_PARTITION = "FOUND"
_PEOPLE, _TEAMS = "PEOPLE", "TEAMS"
_ROUNDS = 8


@dataclass(frozen=True)
class FoundCounts:
    """How many active people and how many teams there are."""

    row: Row

    @property
    def people(self) -> int:
        return lists.total(self.row, _PEOPLE, None)

    @property
    def teams(self) -> int:
        return lists.total(self.row, _TEAMS, None)

    def people_with(self, visibilities: Sequence[Visibility]) -> int:
        return sum(lists.total(self.row, _PEOPLE, str(each)) for each in visibilities)


class DynamoCounts:
    def count_people(self) -> int:
        """How many active people there are. One store call."""
        return FoundCounts(lists.find_counts(DIRECTORY, _PARTITION)).people

    def count_installed(self) -> int:
        """How many agents of our own may be called upon. One store call."""
        return len(installed_found(DynamoAgents().list_agents(), ""))


class DynamoFound:
    def counts(self) -> FoundCounts:
        """How many there are, read consistently. One store call."""
        return FoundCounts(lists.find_counts(DIRECTORY, _PARTITION))

    def iterate_people(self, visibilities: Sequence[Visibility], *, most: int | None) -> Iterator[PersonCard]:
        """Active people with one of the visibilities, last changed first (eventually consistent).

        One store call for each visibility, and one more for each megabyte, or each `most` people.
        """
        found = [_listed(f"{_PEOPLE}#{each}", most=most, ScanIndexForward=False) for each in visibilities]
        return map(_card, merge(*found, key=lambda row: row["listedAs"], reverse=True))

    def list_teams(self, visibilities: Sequence[TeamVisibility]) -> list[Team]:
        """The teams with one of the visibilities, by name (eventually consistent). One store call for each."""
        rows = merge(*(_listed(f"{_TEAMS}#{each}") for each in visibilities), key=lambda row: row["listedAs"])
        return [_team(row) for row in rows]

    def show_team(self, team_id: str, visibility: TeamVisibility) -> Team:
        """Say who may find the team. Two store calls.

        Raises:
            NotFound: there is no such team.
            Unavailable: it is being changed by many calls at once.
        """
        key = {"pk": f"TEAM#{team_id}", "sk": "TEAM"}
        for _ in range(_ROUNDS):
            rows = get_all(DIRECTORY, [key])
            if not rows:
                raise NotFound(f"There is no team {team_id}.")
            row, seen = rows[0], TeamVisibility(rows[0]["visibility"])
            team = Team(team_id, row["name"], row["description"], row["type"], visibility)
            update = _relisted(key, team_listing(team), condition="visibility = :seen", seen=seen.value)
            try:
                commit([update, *_moved(_TEAMS, seen, visibility)], claim=None, reply={})
            except Refused:
                continue
            return team
        raise Unavailable("The team is being changed by many calls at once.")


def person_listing(user_id: str, visibility: Visibility, *, listed: bool, changed_at: str = "") -> Row:
    """The attributes of a person's row by which they may be found."""
    row = {"visibility": visibility.value, "listedAs": f"{changed_at}#{user_id}"}
    shown = listed and visibility is not Visibility.PRIVATE
    return row | ({"listed": f"{_PEOPLE}#{visibility}"} if shown else {})


def team_listing(team: Team) -> Row:
    """The attributes of a team's row by which it may be found."""
    row = {"visibility": team.visibility.value, "listedAs": f"{team.name.casefold()}#{team.team_id}"}
    shown = team.visibility is not TeamVisibility.PRIVATE
    return row | ({"listed": f"{_TEAMS}#{team.visibility}"} if shown else {})


def counted(*, people: Visibility | None = None, teams: TeamVisibility | None = None) -> Action:
    """The part of a transaction in which there is one more."""
    added = [(_PEOPLE, str(people))] if people else []
    added += [(_TEAMS, str(teams))] if teams else []
    return lists.counting(DIRECTORY, _PARTITION, added=added)


def switched(row: Row, *, active: bool) -> list[Action]:
    """The transaction that makes somebody, as their row was met, active or not."""
    user_id, visibility = row["pk"].partition("#")[2], Visibility(row["visibility"])
    changed_at = row["listedAs"].partition("#")[0]
    listing = person_listing(user_id, visibility, listed=active, changed_at=changed_at) | {"active": active}
    update = _relisted(
        {"pk": row["pk"], "sk": row["sk"]},
        listing,
        condition="active = :was AND visibility = :seen AND listedAs = :seenAs",
        was=not active,
        seen=visibility.value,
        seenAs=row["listedAs"],
    )
    facets = [(_PEOPLE, str(visibility))]
    changes: Any = {"added": facets} if active else {"taken": facets}
    return [update, lists.counting(DIRECTORY, _PARTITION, **changes)]


def told(user_id: str, profile: Mapping[str, Any], *, was: Visibility, now: Visibility, at: str) -> list[Action]:
    """The part of a transaction in which an active person's profile has become this; the person's row comes first."""
    listing = person_listing(user_id, now, listed=True, changed_at=at) | {"card": card_of(profile)}
    update = _relisted({"pk": f"USER#{user_id}", "sk": "USER"}, listing, condition="active = :yes", yes=True)
    return [update, *_moved(_PEOPLE, was, now)]


def _moved(kind: str, was: str, now: str) -> list[Action]:
    if was == now:
        return []
    return [lists.counting(DIRECTORY, _PARTITION, added=[(kind, str(now))], taken=[(kind, str(was))])]


def _relisted(key: Row, listing: Row, *, condition: str, **named: Any) -> Action:
    removed = "" if "listed" in listing else " REMOVE listed"
    return {
        "Update": {
            "TableName": DIRECTORY.physical_name,
            "Key": to_item(key),
            "UpdateExpression": "SET " + ", ".join(f"{name} = :{name}" for name in listing) + removed,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values(**listing, **named),
        }
    }


def _listed(partition: str, *, most: int | None = None, **more: Any) -> Iterator[Row]:
    return query(
        DIRECTORY,
        IndexName=LIST_INDEX,
        KeyConditionExpression="listed = :listed",
        ExpressionAttributeValues=values(listed=partition),
        **({"Limit": most} if most else {}),
        **more,
    )


def _card(row: Row) -> PersonCard:
    user_id, visibility = row["pk"].partition("#")[2], Visibility(row["listed"].partition("#")[2])
    return PersonCard(user_id, row["name"], row["email"], visibility, row.get("card"))


def _team(row: Row) -> Team:
    visibility = TeamVisibility(row["listed"].partition("#")[2])
    return Team(row["pk"].partition("#")[2], row["name"], row["description"], visibility=visibility)
