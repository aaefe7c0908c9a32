"""Mentions: find what a person can mention in a message."""

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
    match_agents,
    match_commands,
    match_peers,
    match_people,
    match_teams,
)
from chalicelib.people.domain.directory import Person
from chalicelib.people.services.ports import People, Teams


def find_mentions(
    query: MentionsQuery,
    *,
    user_id: str,
    people: People,
    teams: Teams,
    agents: Agents,
    connections: Connections,
    gather: Callable[..., list[Any]],
) -> MentionsOut:
    """Find what the person `user_id` can mention of one kind: the first ten matches (commands: 15; people: 12).

    Store calls in sequence after authentication: 1 for agents and commands, 2 for teams, 3 for people, however
    many teams the person belongs to. What is read grows with those teams, and with the person's connections, only.
    """
    found: Sequence[Mention]
    match query.type:
        case MentionKind.AGENTS:
            found = match_agents(query, agents.list_agents())
        case MentionKind.COMMANDS:
            found = match_commands(query, agents.list_agents())
        case MentionKind.TEAMS:
            found = match_teams(query, teams.list_rosters(teams.own_team_ids(user_id)))
        case MentionKind.PEOPLE:
            here, elsewhere = gather(
                lambda: _reachable_people(user_id, people, teams), lambda: connections.list_own(user_id)
            )
            found = [*match_people(query, here), *match_peers(query, elsewhere)][:MOST_PEOPLE]
    return MentionsOut(list(found))


def _reachable_people(user_id: str, people: People, teams: Teams) -> Iterable[Person]:
    # People who share a project share its team, so the members of the teams are all people to search.
    rosters = teams.list_rosters(teams.own_team_ids(user_id))
    known = frozenset[str]().union({user_id}, *(roster.members for roster in rosters))
    return people.find_people(known).values()
