"""What a person may mention in a message."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from chalicelib.agents.services.ports import Agents
from chalicelib.federation.connections.services.ports import Connections
from chalicelib.mentions.domain.mentions import (
    MOST_PEOPLE,
    Mention,
    MentionKind,
    MentionsOut,
    MentionsQuery,
    agents_found,
    commands_found,
    peers_found,
    people_found,
    teams_found,
)
from chalicelib.people.domain.directory import Person
from chalicelib.people.services.ports import People, Teams


def find(
    query: MentionsQuery,
    *,
    user_id: str,
    people: People,
    teams: Teams,
    agents: Agents,
    connections: Connections,
    gather: Callable[..., list[Any]],
) -> MentionsOut:
    """What the person `user_id` may mention of one type, the first ten that match (commands: 15; people: 12).

    Store calls in sequence after authentication: 1 for agents and commands, 2 for teams, 3 for people, however
    many teams the person belongs to. What is read grows with those teams, and with the person's connections, only.
    """
    found: Sequence[Mention]
    match query.type:
        case MentionKind.AGENTS:
            found = agents_found(query, agents.list_agents())
        case MentionKind.COMMANDS:
            found = commands_found(query, agents.list_agents())
        case MentionKind.TEAMS:
            found = teams_found(query, teams.list_rosters(teams.own_team_ids(user_id)))
        case MentionKind.PEOPLE:
            here, elsewhere = gather(
                lambda: _known_people(user_id, people, teams), lambda: connections.list_own(user_id)
            )
            found = [*people_found(query, here), *peers_found(query, elsewhere)][:MOST_PEOPLE]
    return MentionsOut(list(found))


def _known_people(user_id: str, people: People, teams: Teams) -> Iterable[Person]:
    # Who shares a project shares its team, so the teams' members are everybody there is to find.
    rosters = teams.list_rosters(teams.own_team_ids(user_id))
    known = frozenset[str]().union({user_id}, *(roster.members for roster in rosters))
    return people.find_people(known).values()
