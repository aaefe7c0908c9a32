"""How the network stands, in a row of the table `network`.

NETWORK / STANDING  instances: how many are active; shown: the ids of those of them that take part in the marketplace;
                    silent: the ids of those that are stale; a#<id>: how many approved agents an instance has

It changes in one transaction with the instances and agents that it is about (see instances, agents).
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
    """How the network stands, read consistently. One store call."""
    row = get(NETWORK, _KEY) or {}
    return NetworkStats(
        int(row.get("instances", 0)),
        frozenset(row.get("shown", ())) - frozenset(row.get("silent", ())),
        {name.removeprefix(_AGENTS): int(value) for name, value in row.items() if name.startswith(_AGENTS)},
    )


def count_agents_actions(instance_id: str, change: int) -> list[Action]:
    """The part of a transaction in which an instance has so many approved agents more, or fewer; none for zero."""
    if not change:
        return []
    return [update(NETWORK, _KEY, "ADD #agents :change", "", {"agents": f"{_AGENTS}{instance_id}"}, change=change)]


def mark_stale_action(instance_id: str, *, stale: bool) -> Action:
    """The part of a transaction with which an instance's agents are hidden for its silence, or no longer."""
    return update(NETWORK, _KEY, f"{'ADD' if stale else 'DELETE'} silent :silent", silent={instance_id})


def marketplace_action(instance_id: str, *, enabled: bool) -> Action:
    """The part of a transaction with which an instance takes part in the marketplace, or no longer."""
    return update(NETWORK, _KEY, f"{'ADD' if enabled else 'DELETE'} shown :shown", shown={instance_id})


def count_instance_action(instance: Instance) -> Action:
    """An instance has become active, or is so no longer: its agents are shown when it also takes part."""
    if not instance.is_active:
        return update(NETWORK, _KEY, "ADD instances :one DELETE shown :shown", one=-1, shown={instance.instance_id})
    if not instance.marketplace_enabled:
        return update(NETWORK, _KEY, "ADD instances :one", one=1)
    return update(NETWORK, _KEY, "ADD instances :one, shown :shown", one=1, shown={instance.instance_id})
