"""Teams and who belongs to them, read from the rows that `directory` writes."""

from collections.abc import Iterable, Sequence
from functools import partial

from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.reads import get_all, query
from chalicelib.parallel import together
from chalicelib.people.domain.directory import Memberships, Roster, Team, TeamVisibility
from chalicelib.people.stores.directory_rows import team_key
from chalicelib.resources import DIRECTORY


class DynamoTeams:
    def own_team_ids(self, user_id: str) -> list[str]:
        """The teams that the person belongs to. One store call."""
        found = _rows(f"USER#{user_id}", "PROJECT#")
        return sorted({row["teamId"] for row in found})

    def list_rosters(self, team_ids: Sequence[str]) -> list[Roster]:
        """These teams with their members, in this order. One store call for each, made at the same time."""
        return list(together(*(partial(_roster, team_id) for team_id in team_ids)))

    def find_memberships(self, user_id: str) -> Memberships:
        """Which projects and teams the person belongs to. Two store calls; one when there are none."""
        found = _rows(f"USER#{user_id}", "PROJECT#")
        projects = get_all(DIRECTORY, [{"pk": row["sk"], "sk": "PROJECT"} for row in found]) if found else []
        return Memberships({row["id"]: row["teamId"] for row in projects}, frozenset(row["teamId"] for row in found))

    def find_teams(self, team_ids: Iterable[str]) -> dict[str, Team]:
        """Those of the teams that exist, by id. One store call per hundred, made at the same time."""
        found = map(_as_team, get_all(DIRECTORY, map(team_key, sorted(set(team_ids)))))
        return {team.team_id: team for team in found}


def _roster(team_id: str) -> Roster:
    team, *members = _rows(f"TEAM#{team_id}", "")[::-1]
    return Roster(_as_team(team), frozenset(row["sk"].split("#")[1] for row in members))


def _rows(pk: str, prefix: str) -> list[Row]:
    condition, named = "pk = :pk", {"pk": pk}
    if prefix:
        condition, named = f"{condition} AND begins_with(sk, :prefix)", named | {"prefix": prefix}
    request = {"KeyConditionExpression": condition, "ExpressionAttributeValues": values(**named)}
    return list(query(DIRECTORY, **request, ConsistentRead=True))


def _as_team(row: Row) -> Team:
    return Team(
        row["pk"].partition("#")[2], row["name"], row["description"], row["type"], TeamVisibility(row["visibility"])
    )
