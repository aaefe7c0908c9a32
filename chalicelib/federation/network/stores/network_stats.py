"""The size of the network, in a row of the table `network`.

NETWORK / STANDING  instances: the number of active ones. shown: the ids of those that take part in the marketplace.
                    silent: the ids of stale instances. a#<id>: the number of approved agents of an instance

One transaction changes it together with its instances and agents (see instances, marketplace).
"""

from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import update
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get
from chalicelib.federation.network.domain.instances import Instance, NetworkStats
from chalicelib.resources import NETWORK

_KEY: Row = {"pk": "NETWORK", "sk": "STANDING"}
_AGENTS = "a#"


def find_network_stats() -> NetworkStats:
    """Return the size of the network, read consistently. One store call."""
    row = get(NETWORK, _KEY) or {}
    return NetworkStats(
        int(row.get("instances", 0)),
        frozenset(row.get("shown", ())) - frozenset(row.get("silent", ())),
        {name.removeprefix(_AGENTS): int(value) for name, value in row.items() if name.startswith(_AGENTS)},
    )


def count_agents_actions(instance_id: str, change: int) -> list[Action]:
    """Return the action that changes the number of an instance's approved agents; none if the change is zero."""
    if not change:
        return []
    return [update(NETWORK, _KEY, "ADD #agents :change", "", {"agents": f"{_AGENTS}{instance_id}"}, change=change)]


def mark_stale_action(instance_id: str, *, stale: bool) -> Action:
    """Return the action that hides the agents of a stale instance, or shows them again."""
    return update(NETWORK, _KEY, f"{'ADD' if stale else 'DELETE'} silent :silent", silent={instance_id})


def marketplace_action(instance_id: str, *, enabled: bool) -> Action:
    """Return the action that shows or hides the agents of an instance that joins or leaves the marketplace."""
    return update(NETWORK, _KEY, f"{'ADD' if enabled else 'DELETE'} shown :shown", shown={instance_id})


def count_instance_action(instance: Instance) -> Action:
    """Return the action that counts an instance whose approval changed, and shows or hides its agents."""
    if not instance.is_active:
        return update(NETWORK, _KEY, "ADD instances :one DELETE shown :shown", one=-1, shown={instance.instance_id})
    if not instance.marketplace_enabled:
        return update(NETWORK, _KEY, "ADD instances :one", one=1)
    return update(NETWORK, _KEY, "ADD instances :one, shown :shown", one=1, shown={instance.instance_id})
