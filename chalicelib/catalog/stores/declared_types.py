"""The event types that integrators declare, in the table `catalog`.

EVENT_TYPES       / <slug>         types, by their names on the wire; version
INTEGRATOR#<slug> / DEFAULT_WAYS   ways: by event type; only if one of them is not pushed

The first rows are few and seldom read, so they share one partition, which is their list too. The second are read when
somebody without a rule is reached, so they are small, and each has a partition of its own.
"""

from chalicelib.catalog.domain.declared_types import (
    DeclaredType,
    DefaultWay,
    StoredTypes,
    default_way_of,
    default_ways,
    to_wire,
)
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import delete, put
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get, query_partition
from chalicelib.core.stores.writes import try_commit
from chalicelib.resources import CATALOG

_LIST = "EVENT_TYPES"


class DynamoDeclaredTypes:
    def find(self, integrator: str) -> StoredTypes:
        """Find what an integrator declares, which is nothing if it never did. One store call."""
        row = get(CATALOG, _key(integrator))
        return _from_row(row) if row else StoredTypes()

    def list_all(self) -> dict[str, StoredTypes]:
        """Return what integrators declare, by their slugs. One store call per megabyte."""
        return {row["sk"]: _from_row(row) for row in query_partition(CATALOG, _LIST)}

    def save(self, integrator: str, types: StoredTypes, *, seen: int) -> bool:
        """Replace the types with the version `seen`; False if they have another one. One store call."""
        row = {"types": [to_wire(each) for each in types.types], "version": types.version}
        condition = "#version = :seen" if seen else "attribute_not_exists(pk)"
        stored = put(CATALOG, _key(integrator) | row, condition, **({"seen": seen} if seen else {}))
        return try_commit([stored, _store_ways(integrator, types)], audited=True)


def is_for_inbox(integrator: str, event_type: str) -> bool:
    """Whether an event type is only for the inbox of people without a rule (eventually consistent). One store call."""
    row = get(CATALOG, _ways_key(integrator), consistent=False)
    return row is not None and default_way_of(event_type, row["ways"]) is DefaultWay.INBOX


def _store_ways(integrator: str, types: StoredTypes) -> Action:
    if ways := default_ways(types.types):
        return put(CATALOG, _ways_key(integrator) | {"ways": ways})
    return delete(CATALOG, _ways_key(integrator))


def _from_row(row: Row) -> StoredTypes:
    return StoredTypes([DeclaredType.model_validate(each) for each in row["types"]], int(row["version"]))


def _key(integrator: str) -> Row:
    return {"pk": _LIST, "sk": integrator}


def _ways_key(integrator: str) -> Row:
    return {"pk": f"INTEGRATOR#{integrator}", "sk": "DEFAULT_WAYS"}
