"""What a message may mention, while it is being typed."""

from chalice.app import Blueprint

from chalicelib.agents.stores.agents import DynamoAgents
from chalicelib.api.v2.contract import SPEND, operation
from chalicelib.core.domain.callers import ANY_AREA, ApiKey
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.mentions.domain.mentions import MentionsOut, MentionsQuery
from chalicelib.mentions.services import mentions
from chalicelib.parallel import together
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.people.stores.teams import DynamoTeams
from chalicelib.resources import DIRECTORY, PEERS

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/chat/mentions",
    aliases=("/api/v2/api/chat/mentions",),
    tag="mentions",
    answers={200: "What was found; perhaps nothing."},
    area=ANY_AREA,
    grants=SPEND + DIRECTORY.can("Query", "BatchGetItem") + PEERS.can("Query", "BatchGetItem"),
)
def list_mentions(query: MentionsQuery, caller: ApiKey) -> MentionsOut:
    """Search what a message may mention: people, teams, agents, or commands of agents.

    People are the caller, those who share a project or team with the caller, and behind them the people of other desks
    whom the caller is connected with; teams are the caller's own; agents and commands are those installed for the
    organisation. A bare array of at most ten (people: twelve; commands: fifteen), by name.
    """
    return mentions.find(
        query,
        user_id=caller.user_id,
        people=DynamoDirectory(),
        teams=DynamoTeams(),
        agents=DynamoAgents(),
        connections=DynamoConnections(),
        together=together,
    )
