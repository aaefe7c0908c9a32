"""Teams and their members, read from the rows that `directory` writes."""

from collections.abc import Iterable, Sequence
from functools import partial

from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all, query_partition
from chalicelib.parallel import gather
from chalicelib.people.domain.directory import Memberships, Roster, Team
from chalicelib.people.stores.directory_rows import team_key
from chalicelib.resources import DIRECTORY

TEAM = Codec(Team, without=("team_id",))


class DynamoTeams:
    def own_team_ids(self, user_id: str) -> list[str]:
        """List the ids of the person's teams. One store call."""
        found = list(query_partition(DIRECTORY, f"USER#{user_id}", "PROJECT#"))
        return sorted({row["teamId"] for row in found})

    def list_rosters(self, team_ids: Sequence[str]) -> list[Roster]:
        """List the teams with their members, in this order. One store call for each, made at the same time."""
        return list(gather(*(partial(_roster, team_id) for team_id in team_ids)))

    def find_memberships(self, user_id: str) -> Memberships:
        """Find the person's projects and teams. Two store calls; one when there are none."""
        found = list(query_partition(DIRECTORY, f"USER#{user_id}", "PROJECT#"))
        projects = get_all(DIRECTORY, [{"pk": row["sk"], "sk": "PROJECT"} for row in found]) if found else []
        return Memberships({row["id"]: row["teamId"] for row in projects}, frozenset(row["teamId"] for row in found))

    def find_teams(self, team_ids: Iterable[str]) -> dict[str, Team]:
        """Find teams by id. One store call per hundred, made at the same time."""
        found = map(_team_from_row, get_all(DIRECTORY, map(team_key, sorted(set(team_ids)))))
        return {team.team_id: team for team in found}


def _roster(team_id: str) -> Roster:
    team, *members = reversed(list(query_partition(DIRECTORY, f"TEAM#{team_id}")))
    return Roster(_team_from_row(team), frozenset(row["sk"].split("#")[1] for row in members))


def _team_from_row(row: Row) -> Team:
    return TEAM.from_row(row, team_id=row["pk"].partition("#")[2])
