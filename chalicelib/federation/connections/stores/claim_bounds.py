"""Hourly bounds of connection requests that prove nothing: by the host that they name, and by their sender.

CLAIMS#<host>, CLAIMS#FROM#<network address>, CLAIMS#<host>#FROM#<network address>: see hourly_limits
"""

from datetime import datetime

from chalicelib.core.domain.errors import RateLimited
from chalicelib.core.ports import Action
from chalicelib.core.stores.hourly_limits import count_in_hour_action, seconds_left_of_hour
from chalicelib.federation.connections.domain.connections import MOST_CLAIMS_AN_HOUR, Connection
from chalicelib.federation.connections.domain.origins import host_of

# So many requests an hour from one network address may prove nothing, and so many of these claim one origin: one
# stranger can't use up what all may do in the name of a desk.
MOST_FROM_ONE_ADDRESS = 60
MOST_OF_ONE_DESK_FROM_ONE_ADDRESS = 20


def claim_bound_actions(connection: Connection, network: str | None, asked_at: datetime) -> list[Action]:
    """Return the actions that bound what strangers can make us store, and the calls they can make us make."""
    host = host_of(connection.peer_url)
    bounds = {f"CLAIMS#{host}": MOST_CLAIMS_AN_HOUR}
    if network is not None:
        bounds[f"CLAIMS#FROM#{network}"] = MOST_FROM_ONE_ADDRESS
        bounds[f"CLAIMS#{host}#FROM#{network}"] = MOST_OF_ONE_DESK_FROM_ONE_ADDRESS
    return [count_in_hour_action(asked_at, most=each, of=of) for of, each in bounds.items()]


def too_many_claims(asked_at: datetime) -> RateLimited:
    """Return the refusal of a request that is beyond the bounds."""
    wait = seconds_left_of_hour(asked_at)
    return RateLimited(
        f"Too many requests in the name of this desk within this hour. Try again in {wait} s.", retry_after=wait
    )
