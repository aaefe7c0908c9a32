"""Mentions: the search for people, teams, agents and commands that a message can mention."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, RootModel
from pydantic_core import Url

from chalicelib.agents.domain.agents import Agent, AgentStatus, CommandIn
from chalicelib.core.domain.fields import Omittable, Out, Query
from chalicelib.core.domain.text import has_text, normalize_text
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus
from chalicelib.federation.connections.domain.origins import SOURCE
from chalicelib.people.domain.directory import Person, Roster

MOST, MOST_PEOPLE, MOST_COMMANDS = 10, 12, 15
_SHOWN, _LONGEST_HANDLE = 80, 30


class MentionKind(StrEnum):
    """A kind of thing that can be mentioned."""

    PEOPLE = "people"
    AGENTS = "agents"
    TEAMS = "teams"
    COMMANDS = "commands"


class MentionsQuery(Query):
    """The words to search for, and the kind of thing to search."""

    type: MentionKind = MentionKind.PEOPLE
    q: str = Field("", max_length=200, description="Text anywhere in a name; left out, the first are given.")

    def finds(self, *texts: str) -> bool:
        """Say whether one of the texts contains the words, ignoring case."""
        return has_text(normalize_text(self.q), *texts)


class PersonMention(Out):
    """Oneself, or somebody one shares a project or team with. `diviName` is what they call their own agent.

    Somebody of another desk whom one is connected with is `federated`, and known by the connection's id.
    """

    id: str
    type: Literal["person"]
    name: str
    username: str
    avatar: str | None
    subtitle: str | None
    divi_name: str | None
    federated: Omittable[Literal[True]] = None
    peer_instance_url: Omittable[str] = None
    connection_id: Omittable[str] = None
    source: Omittable[Literal["federation"]] = Field(None, description="Set on somebody whom another desk named.")
    origin: Omittable[str] = Field(None, description="The address of that desk.")
    verified: Omittable[bool] = Field(None, description="Whether that desk confirmed the connection.")


class CommandOut(Out):
    """A command that an agent takes."""

    name: str
    description: str
    usage: str


class AgentMention(Out):
    """An agent that the organisation has installed."""

    id: str
    type: Literal["agent"]
    name: str
    username: str
    avatar: str | None
    subtitle: str | None
    description: str
    commands: list[CommandOut]


class TeamMention(Out):
    """A team that the caller belongs to."""

    id: str
    type: Literal["team"]
    name: str
    avatar: str | None
    subtitle: str | None
    description: str | None
    member_count: int = Field(ge=0)


class CommandMention(Out):
    """A command of an installed agent. A message contains it as `fullCommand`."""

    id: str
    type: Literal["command"]
    name: str
    full_command: str
    avatar: str | None
    subtitle: str | None
    source: str
    source_slug: str
    source_type: Literal["agent"]
    description: str
    usage: str


Mention = PersonMention | AgentMention | TeamMention | CommandMention


class MentionsOut(RootModel[list[Annotated[Mention, Field(discriminator="type")]]]):
    """The matches of one kind, in the order in which they are offered."""

    model_config = ConfigDict(defer_build=True, hide_input_in_errors=True)


def match_people(query: MentionsQuery, people: Iterable[Person]) -> list[PersonMention]:
    """Return the active people whose name or e-mail address contains the words, by name."""
    found = [person for person in people if person.active and query.finds(person.name, _handle(person), person.email)]
    found.sort(key=lambda person: (normalize_text(person.name), person.email))
    return [
        PersonMention(
            id=person.user_id,
            type="person",
            name=person.name,
            username=_handle(person),
            avatar=None,
            subtitle=person.email,
            divi_name=None,
        )
        for person in found[:MOST]
    ]


def match_peers(query: MentionsQuery, connections: Iterable[Connection]) -> list[PersonMention]:
    """Return the people of other desks whose name, e-mail address or desk contains the words, by name."""
    found = [each for each in connections if each.status is ConnectionStatus.ACTIVE and query.finds(*_texts(each))]
    found.sort(key=lambda each: (normalize_text(_name(each)), each.peer_email, each.connection_id))
    return [
        PersonMention(
            id=each.connection_id,
            type="person",
            name=_name(each),
            username=_peer_handle(each),
            avatar=None,
            subtitle=f"@{_peer_handle(each)} · on {Url(each.peer_url).host}",
            divi_name=None,
            federated=True,
            peer_instance_url=each.peer_url,
            connection_id=each.connection_id,
            source=SOURCE,
            origin=each.peer_url,
            verified=each.is_confirmed,
        )
        for each in found[:MOST]
    ]


def match_agents(query: MentionsQuery, agents: Iterable[Agent]) -> list[AgentMention]:
    """Return the active agents whose name or slug contains the words, by name."""
    found = [agent for agent in _active(agents) if query.finds(agent.name, agent.slug)]
    found.sort(key=lambda agent: (normalize_text(agent.name), agent.slug))
    return [
        AgentMention(
            id=agent.agent_id,
            type="agent",
            name=agent.name,
            username=agent.slug,
            avatar=None,
            subtitle=f"@{agent.slug} · {agent.category}",
            description=_cut(agent.description),
            commands=[
                CommandOut(name=each.name, description=each.description, usage=each.usage) for each in agent.commands
            ],
        )
        for agent in found[:MOST]
    ]


def match_teams(query: MentionsQuery, rosters: Iterable[Roster]) -> list[TeamMention]:
    """Return the teams whose name or description contains the words, by name."""
    found = [each for each in rosters if query.finds(each.team.name, each.team.description or "")]
    found.sort(key=lambda each: (normalize_text(each.team.name), each.team.team_id))
    return [_to_team_mention(each) for each in found[:MOST]]


def match_commands(query: MentionsQuery, agents: Sequence[Agent]) -> list[CommandMention]:
    """Return the commands of active agents whose full command or description contains the words, in order."""
    found = [
        (f"{agent.slug}.{command.name}", agent, command)
        for agent in _active(agents)
        for command in agent.commands
        if query.finds(f"{agent.slug}.{command.name}", command.description)
    ]
    found.sort(key=lambda each: each[0])
    return [_command(*each) for each in found[:MOST_COMMANDS]]


def _to_team_mention(roster: Roster) -> TeamMention:
    team, count = roster.team, len(roster.members)
    return TeamMention(
        id=team.team_id,
        type="team",
        name=team.name,
        avatar=None,
        subtitle=f"{count} {'member' if count == 1 else 'members'} · {team.type}",
        description=_cut(team.description) if team.description else None,
        member_count=count,
    )


def _command(typed: str, agent: Agent, command: CommandIn) -> CommandMention:
    return CommandMention(
        id=f"{agent.agent_id}:{command.name}",
        type="command",
        name=command.name,
        full_command=f"!{typed}",
        avatar=None,
        subtitle=f"!{typed} · {agent.name}",
        source=agent.name,
        source_slug=agent.slug,
        source_type="agent",
        description=command.description,
        usage=command.usage,
    )


def _active(agents: Iterable[Agent]) -> Iterable[Agent]:
    return (agent for agent in agents if agent.status is AgentStatus.ACTIVE)


def _handle(person: Person) -> str:
    return person.email.partition("@")[0]


def _name(connection: Connection) -> str:
    return connection.nickname or connection.peer_label


def _texts(connection: Connection) -> list[str]:
    known = (connection.nickname, connection.peer_nickname, connection.peer_name)
    return [each for each in (*known, connection.peer_email, connection.peer_url) if each]


def _peer_handle(connection: Connection) -> str:
    return connection.peer_email.partition("@")[0][:_LONGEST_HANDLE]


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
