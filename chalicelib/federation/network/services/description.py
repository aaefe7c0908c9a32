"""What this desk says of itself, and proves."""

from collections.abc import Callable
from typing import Any

from chalicelib.core.domain.errors import Invalid, NotFound
from chalicelib.federation.connections.services.ports import Federation
from chalicelib.federation.network.domain.description import AgentCardOut, DeskOut, ProofQuery, agent_card, described
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
    """What runs here and how it is spoken to, and when a hub asks, the proof that this desk knows its key there.

    Store calls in sequence: 1; the first time of all 4.

    Raises:
        Invalid: the challenge comes without the id, or the id without a challenge.
        NotFound: no hub knows this desk by this id.
    """
    if query.challenge is None and query.instance_id is None:
        keys, settings = gather(federation.list_public_keys, federation.find_settings)
        return described(keys, settings, base_url=base_url, version=version)
    if query.challenge is None or query.instance_id is None:
        raise Invalid("challenge and instanceId belong together.")
    key = hubs.find_key(query.instance_id)
    if key is None:
        raise NotFound("This desk is not registered under this id.")
    return DeskOut(
        software="fluxden",
        version=version,
        challenge=query.challenge,
        instance_key_proof=proof(query.challenge, key),
    )


def card(*, base_url: str, version: str) -> AgentCardOut:
    """The desk as an agent. Store calls: none.

    Raises:
        NotFound: nobody has said where this desk is reached, and a card without addresses is none.
    """
    if not base_url:
        raise NotFound("This desk's operator has not said where it is reached.")
    return agent_card(base_url=base_url, version=version)
