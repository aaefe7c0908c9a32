"""Search for mentions while a message is typed."""

from chalice.app import Blueprint

from chalicelib.agents.stores.agents import DynamoAgents
from chalicelib.api.v2.contract import SPEND, operation
from chalicelib.core.domain.callers import ANY_PERMISSION, ApiKey
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.mentions.domain.mentions import MentionsOut, MentionsQuery
from chalicelib.mentions.services import mentions
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.people.stores.teams import DynamoTeams
from chalicelib.resources import DIRECTORY, PEERS

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/chat/mentions",
    aliases=("/api/v2/api/chat/mentions",),
    tag="Chat",
    answers={200: "The matches, possibly none."},
    permission=ANY_PERMISSION,
    grants=SPEND + DIRECTORY.can("Query", "BatchGetItem") + PEERS.can("Query", "BatchGetItem"),
)
def list_mentions(query: MentionsQuery, caller: ApiKey) -> MentionsOut:
    """Search for people, teams, agents or agent commands to mention in a message.

    People are you, everyone who shares a project or team with you, and then people of other instances whom you are
    connected with. Teams are your own. Agents and commands are those installed for the organisation. The reply is a
    bare array, sorted by name: at most 10 results, 12 people or 15 commands.
    """
    return mentions.find_mentions(
        query,
        user_id=caller.user_id,
        people=DynamoDirectory(),
        teams=DynamoTeams(),
        agents=DynamoAgents(),
        connections=DynamoConnections(),
        gather=gather,
    )
