"""Create the demo organisation's network: an approved instance and the agent it offers."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.stores.guesses import DynamoGuesses
from chalicelib.core.stores.writes import commit
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.network.domain.agent_descriptions import AgentPut, listing_details
from chalicelib.federation.network.domain.instances import Instance, InstanceStatus, RegisterIn
from chalicelib.federation.network.domain.marketplace import Listing, ListingStatus, slug_candidates
from chalicelib.federation.network.services import registrations
from chalicelib.federation.network.stores.instance_credentials import accept_key_action
from chalicelib.federation.network.stores.instances import DynamoInstances
from chalicelib.federation.network.stores.marketplace import DynamoMarketplace
from chalicelib.federation.network.stores.registrations import DynamoRegistrations
from chalicelib.ids import mint_platform_token, new_nonce
from chalicelib.parallel import gather

Identify = Callable[[str, str], str]

_NO_LIMIT = 10**6

NAME, BASE_URL = "Northwind Desk", "https://desk.northwind.example"
_AGENT = AgentPut.model_validate(
    {
        "name": "Freight Planner",
        "description": "Finds the cheapest way for a shipment, and books it when told to.",
        "category": "operations",
        "pricingModel": "per_task",
        "pricePerTask": 2.5,
    },
    strict=False,
)


def create(identify: Identify, new_secret: Callable[[str], bytes], *, now: datetime) -> dict[str, Any]:
    """Register and approve the instance, and return its entries in the demo file.

    If the instance exists, its platform token is replaced.
    """
    # The key is the same every time, as a real instance keeps its own. It is not a secret.
    key = f"demo-instance-{identify('instance-key', NAME)}"
    store, token, instance_id = (
        DynamoInstances(),
        mint_platform_token(secret=new_secret("platform")),
        identify("instance", NAME),
    )
    wanted = RegisterIn.model_validate({"name": NAME, "baseUrl": BASE_URL, "apiKey": key, "version": "1.0.0"})
    made = registrations.register(
        wanted,
        registrations.NewRegistration(instance_id, "", token),
        base_url="",
        most_an_hour=_NO_LIMIT,
        context=RequestContext("demo", now),
        settings=DynamoFederation().find_settings(),
        ports=registrations.Ports(
            registrations=DynamoRegistrations(),
            guesses=DynamoGuesses(),
            gather=gather,
            # The instance's URL does not exist, so it is not asked.
            queue=None,
        ),
    )
    found = store.find(instance_id)
    assert found is not None
    if found.status is InstanceStatus.PENDING:
        _approve(found, identify, now=now)
    # Northwind is also the hub that the organisation has joined. Its host does not exist, so nothing is sent to it.
    commit([accept_key_action(found.key_hash, BASE_URL, holds=True)])
    return {"platform_token": made.platform_token, "instance_id": instance_id, "instance_api_key": key}


def _approve(found: Instance, identify: Identify, *, now: datetime) -> None:
    at = timestamp(now)
    active = Instance(**{**vars(found), "status": InstanceStatus.ACTIVE})
    # The instance's URL does not exist, so it is not notified.
    DynamoInstances().set_status(active, over=found, notice=None)
    DynamoInstances().link(found.instance_id, enabled=True, at=at, claim=None, reply={})
    listing = Listing(
        marketplace_id=identify("offered", _AGENT.name),
        instance_id=found.instance_id,
        remote_id="freight-planner",
        slug=slug_candidates(active, _AGENT.name)[0],
        status=ListingStatus.ACTIVE,
        version="1.0.0",
        details=listing_details(_AGENT, active),
        changelog=(),
        created_at=at,
        updated_at=at,
        revision=new_nonce(),
        reviewed_at=at,
    )
    DynamoMarketplace().save_listing(listing, over=None)
