"""The public descriptions of this desk, and its proof for hubs."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from chalicelib.core.domain.addresses import network_of
from chalicelib.core.domain.errors import Invalid, NotFound
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.services.guesses import Guesses, Trial, try_credential
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus
from chalicelib.federation.connections.domain.origins import canonical_origin
from chalicelib.federation.connections.services.ports import ConnectionTokens, Federation
from chalicelib.federation.network.domain.description import (
    AgentCardOut,
    DescriptionQuery,
    DeskOut,
    KnownConnectionOut,
    agent_card,
    describe_desk,
)
from chalicelib.federation.network.domain.instances import proof
from chalicelib.federation.network.services.ports import Hubs


def describe(
    query: DescriptionQuery,
    *,
    base_url: str,
    version: str,
    hubs: Hubs,
    connections: ConnectionTokens,
    federation: Federation,
    context: RequestContext,
    guesses: Guesses,
    gather: Callable[..., list[Any]],
) -> DeskOut:
    """Describe this desk; for a hub's challenge, return the proof that this desk knows its key there.

    Asked about a connection, confirm it to the desk at its other end, and to nobody else.

    Store calls in sequence: 1; 4 for the very first description, 1 more for a question about an unknown connection.

    Raises:
        Invalid: the challenge comes without the id, or one of them or a connection without the desk that asks.
        NotFound: this desk has no such id at that hub, or no such connection with that desk.
        RateLimited: there were too many questions about unknown connections.
    """
    if query.connection is not None:
        if query.to is None:
            raise Invalid("Send connection and to together.")
        digest = query.connection
        # Nobody can make others wait, so there is no limit for all together.
        asker = f"{network_of(context.address)} asking"
        known = try_credential(
            Trial(
                asker,
                asker,
                digest,
                can_be_guessed=True,
                now=context.now,
                is_question=True,
                is_noted=False,
            ),
            lambda: connections.find_by_token_hash(digest),
            bool,
            guesses=guesses,
            gather=gather,
        )
        status = _status_with(query.to, known)
        return DeskOut(software="fluxden", version=version, connection=KnownConnectionOut(status=status))
    if query.challenge is None and query.instance_id is None and query.to is None:
        keys, settings = gather(federation.list_public_keys, federation.find_settings)
        return describe_desk(keys, settings, base_url=base_url, version=version)
    if query.challenge is None or query.instance_id is None or query.to is None:
        raise Invalid("Send challenge, instanceId and to together, or connection and to.")
    membership = hubs.find_key(query.instance_id)
    # Any hub can give the ids that it likes. Without this it could have this desk prove its key for another hub.
    if membership is None or _origin(query.to) != _origin(membership[0]):
        raise NotFound("This desk has no such id at this hub.")
    key = membership[1]
    return DeskOut(
        software="fluxden",
        version=version,
        challenge=query.challenge,
        instance_key_proof=proof(query.challenge, key),
    )


def _status_with(asker: str, known: Sequence[Connection]) -> Literal["pending", "active"]:
    """Return the state of the connection with the desk that asks.

    Requests in its name are nothing that this desk knows, until it confirmed them or the person accepted: whoever sent
    one could tell by the answer whether it was listed, and so who is here.
    """
    origin = _origin(asker)
    found = {each.status for each in known if each.peer_url == origin and not each.is_mere_claim}
    if ConnectionStatus.ACTIVE in found:
        return "active"
    if ConnectionStatus.PENDING in found:
        return "pending"
    raise NotFound("This desk has no such connection with that desk.")


def _origin(url: str) -> str:
    try:
        return canonical_origin(url)
    except ValueError:
        return ""


def card(*, base_url: str, version: str) -> AgentCardOut:
    """Return the agent card of this desk. Store calls: none.

    Raises:
        NotFound: the public URL of this desk is not set, and a card needs it.
    """
    if not base_url:
        raise NotFound("The operator has not set the public URL of this desk.")
    return agent_card(base_url=base_url, version=version)
