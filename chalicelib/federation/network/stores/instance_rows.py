"""Keys and conversions of the rows of instances, in the table `network` (see instances)."""

from collections.abc import Mapping
from typing import Any

from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import assignments, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.federation.network.domain.instances import Instance
from chalicelib.resources import NETWORK

INSTANCES = "INSTANCES"
INSTANCE = Codec(Instance, without=("instance_id", "stale_since"))


def instance_key(instance_id: str) -> Row:
    return {"pk": INSTANCES, "sk": instance_id}


def address_key(base_url: str) -> Row:
    return {"pk": f"BASEURL#{base_url}", "sk": "INSTANCE"}


def change_action(instance_id: str, sets: Mapping[str, Any], condition: str, more: str = "", **named: Any) -> Action:
    """Return the action that sets some attributes of an instance."""
    expression = f"SET {assignments(sets)}{more}"
    return update(NETWORK, instance_key(instance_id), expression, condition, **sets, **named)


def guards(over: Instance) -> Row:
    """Return the values by which a change finds that the instance was changed by another call."""
    return {"seenToken": over.token_hash, "seenStatus": over.status.value}


def from_row(row: Row) -> Instance:
    """Convert a row to its instance."""
    return INSTANCE.from_row(row, instance_id=row["sk"], stale_since=row.get("staleSince"))
