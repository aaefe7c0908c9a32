"""The public descriptions of this desk, and its proof for hubs."""

from collections.abc import Callable
from typing import Any

from chalicelib.core.domain.errors import Invalid, NotFound
from chalicelib.federation.connections.services.ports import Federation
from chalicelib.federation.network.domain.description import (
    AgentCardOut,
    DeskOut,
    ProofQuery,
    agent_card,
    describe_desk,
)
from chalicelib.federation.network.domain.instances import proof
from chalicelib.federation.network.services.ports import Hubs


def describe(
    query: ProofQuery,
    *,
    base_url: str,
    version: str,
    hubs: Hubs,
    federation: Federation,
    gather: Callable[..., list[Any]],
) -> DeskOut:
    """Describe this desk; for a hub's challenge, return the proof that this desk knows its key there.

    Store calls in sequence: 1; 4 for the very first description.

    Raises:
        Invalid: the challenge comes without the id, or the id without the challenge.
        NotFound: this desk has no such id at any hub.
    """
    if query.challenge is None and query.instance_id is None:
        keys, settings = gather(federation.list_public_keys, federation.find_settings)
        return describe_desk(keys, settings, base_url=base_url, version=version)
    if query.challenge is None or query.instance_id is None:
        raise Invalid("Send challenge and instanceId together.")
    key = hubs.find_key(query.instance_id)
    if key is None:
        raise NotFound("This desk has no such id at a hub.")
    return DeskOut(
        software="fluxden",
        version=version,
        challenge=query.challenge,
        instance_key_proof=proof(query.challenge, key),
    )


def card(*, base_url: str, version: str) -> AgentCardOut:
    """Return the agent card of this desk. Store calls: none.

    Raises:
        NotFound: the public URL of this desk is not set, and a card needs it.
    """
    if not base_url:
        raise NotFound("The operator has not set the public URL of this desk.")
    return agent_card(base_url=base_url, version=version)
