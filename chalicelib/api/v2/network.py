"""v2 "Network": discover people, teams and agents."""

from chalice.app import Blueprint

from chalicelib.agents.stores.agents import DynamoAgents
from chalicelib.api.v2.contract import SPEND_OF_INSTANCES, operation
from chalicelib.core.domain.callers import PlatformToken
from chalicelib.core.domain.errors import NotFound, RateLimited
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.stores.shares import DynamoShares
from chalicelib.edge.operation import OperationReply
from chalicelib.federation.network.domain.discover import DiscoverOut, DiscoverQuery
from chalicelib.federation.network.services import discover
from chalicelib.federation.network.stores.instances import DynamoInstances
from chalicelib.federation.network.stores.marketplace import DynamoMarketplace
from chalicelib.parallel import gather
from chalicelib.people.stores.directory_listing import DynamoDirectoryListing
from chalicelib.people.stores.teams import DynamoTeams
from chalicelib.resources import DIRECTORY, LIST_INDEX, NETWORK

bp = Blueprint(__name__)

# A quarter of what API Gateway lets through. The people of a company share an address, and each reply is cached.
_MOST_SEARCHES = 300


@operation(
    bp,
    "GET",
    "/api/v2/network/discover",
    tag="Network",
    cors=True,
    answer=DiscoverOut,
    answers={200: "The search results."},
    refusals=(NotFound, RateLimited),
    grants=SPEND_OF_INSTANCES
    + DIRECTORY.can("GetItem", "Query")
    + DIRECTORY.can("Query", index=LIST_INDEX)
    + NETWORK.can("GetItem", "BatchGetItem", "UpdateItem")
    + NETWORK.can("Query", index=LIST_INDEX),
)
def discover_network(
    query: DiscoverQuery, context: RequestContext, caller: PlatformToken | None = None
) -> OperationReply:
    """Search for people, teams and agents in the network.

    Everyone can find what is public. A member instance also finds what is visible to members, and more details of
    public profiles. A token that is not accepted is ignored. Totals count all matches. Without a token, the number of
    searches per minute and network address is limited.
    """
    found = discover.discover(
        query,
        instance_id=caller.instance_id if caller else None,
        now=context.now,
        ports=discover.Ports(
            found=DynamoDirectoryListing(),
            rosters=DynamoTeams(),
            installed=DynamoAgents(),
            network=DynamoInstances(),
            market=DynamoMarketplace(),
            gather=gather,
            take_share=lambda: DynamoShares().take("SEARCHES", context.address, most=_MOST_SEARCHES, now=context.now),
        ),
    )
    kept = "private, max-age=60" if caller else "public, max-age=300"
    return OperationReply(found, 200, {"Cache-Control": kept, "Vary": "Authorization"})
