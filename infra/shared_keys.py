"""The partition keys that many people, tokens or desks write to, and how many such writes a second each bears.

DynamoDB writes 1,000 units a second to one partition key, of a table or of an index. A row that has reached that is
refused, and whoever wrote it waits. tests/laws/test_shared_keys.py finds the keys by running every operation, worker
and schedule, so that a new one has to be declared here.
"""

from dataclasses import dataclass

from chalicelib.core.stores.audit_trail import SHARDS as AUDIT_SHARDS
from chalicelib.inbox.domain.bulk_changes import PER_STEP
from chalicelib.inbox.domain.sent_positions import SHARDS
from chalicelib.inbox.stores.snoozes import SHARDS as SNOOZE_SHARDS
from chalicelib.resources import (
    ACTOR_INDEX,
    AUDIT,
    CATALOG,
    DELIVERIES,
    DIRECTORY,
    DUE_INDEX,
    EVENT_TYPES,
    FEEDBACK,
    LIST_INDEX,
    NETWORK,
    OUTBOX,
    OWNER_INDEX,
    PEERS,
    QUEUE_ITEMS,
    RECENT_INDEX,
    RELAYS,
    SENT_INDEX,
    TOKENS,
    Table,
)

UNITS_A_SECOND = 1_000


@dataclass(frozen=True)
class SharedKey:
    """One kind of partition key. `pattern` matches it as a whole.

    units: the most write units that one operation, or one step of a worker, takes from it.
    partitions: over how many keys the writes of whoever shares it are spread.
    """

    table: Table
    pattern: str
    shared_by: str
    written_when: str
    index: str = ""
    units: int = 1
    partitions: int = 1

    @property
    def writes_a_second(self) -> int:
        """Return how many of these writes the key, or its partitions together, bear in a second."""
        return UNITS_A_SECOND * self.partitions // self.units


_ALL, _OPERATORS, _DIRECTORIES = "everybody", "operators", "directories"

SHARED_KEYS = (
    SharedKey(AUDIT, r"LOG#[0-3]", _ALL, "a change is made that the audit log has", units=2, partitions=AUDIT_SHARDS),
    SharedKey(AUDIT, r"[a-z][\w-]*", "one integrator's tokens", "a token is claimed", ACTOR_INDEX, units=2),
    SharedKey(
        DELIVERIES,
        r"[\w-]+#[0-7]",
        "one integrator's events",
        "an event is published, or is resolved",
        SENT_INDEX,
        partitions=SHARDS,
    ),
    SharedKey(
        DELIVERIES,
        r"LABEL#[\w-]+#[0-9a-f]{32}#[0-7]",
        "one integrator's events with the same label",
        "such an event is published",
        partitions=SHARDS,
    ),
    SharedKey(DELIVERIES, "callbacks", _ALL, "an action is chosen, or its callback attempted", DUE_INDEX, units=2),
    SharedKey(
        DELIVERIES, "inbox-changes", _ALL, "a large bulk change of an inbox, and each step of it", DUE_INDEX, units=2
    ),
    SharedKey(
        DELIVERIES, "ENDPOINTS", _ALL, "an endpoint of callbacks begins to fail, hourly while it fails, or is paused"
    ),
    SharedKey(DELIVERIES, "callback-probes", _ALL, "an endpoint is paused by failures, or probed", DUE_INDEX, units=2),
    SharedKey(DELIVERIES, "callback-replays", _ALL, "callbacks are replayed, and each step of it", DUE_INDEX, units=2),
    SharedKey(
        DELIVERIES,
        r"held#[\w-]+#https?://.+",
        "one integrator's callbacks to a paused endpoint",
        "an action is chosen, and when the endpoint is resumed",
        DUE_INDEX,
        units=PER_STEP,
    ),
    SharedKey(
        DELIVERIES,
        r"snoozes#[0-7]",
        _ALL,
        "a step of a bulk change snoozes deliveries or changes their times, and when that ends",
        DUE_INDEX,
        units=2 * PER_STEP,
        partitions=SNOOZE_SHARDS,
    ),
    SharedKey(DELIVERIES, "stamps", _ALL, "a held event is decided", DUE_INDEX),
    SharedKey(DELIVERIES, r"CLICKS#\d{4}-\d\d-\d\d", _ALL, "an action is chosen", RECENT_INDEX),
    SharedKey(EVENT_TYPES, r"[\w-]+", "one integrator's event types", "an hour is counted"),
    SharedKey(QUEUE_ITEMS, "proposals", _ALL, "a proposal that expires is made, and decided", DUE_INDEX),
    SharedKey(QUEUE_ITEMS, "ends", _ALL, "a task is finished, and when its days are over", DUE_INDEX),
    SharedKey(RELAYS, "ends", _ALL, "a relay comes to its end, and when its days are over", DUE_INDEX),
    SharedKey(RELAYS, "unsent", _ALL, "a relay is sent", LIST_INDEX),
    SharedKey(OUTBOX, "outbox-work", _ALL, "a relay is sent, and each attempt to send it", DUE_INDEX, units=2),
    SharedKey(CATALOG, r"ITEM#[\w-]+", "those who ask for one catalog item", "it is asked for or decided", units=3),
    SharedKey(CATALOG, r"INTEGRATOR#[\w-]+", "one integrator's catalog items", "an item is created"),
    SharedKey(CATALOG, "APPROVALS", _ALL, "a catalog item is asked for or decided", LIST_INDEX),
    SharedKey(CATALOG, "ITEMS", _OPERATORS, "a catalog item is created or archived", LIST_INDEX),
    SharedKey(CATALOG, "EVENT_TYPES", "integrators", "an integrator declares other event types", units=140),
    SharedKey(DIRECTORY, "AGENTS", _OPERATORS, "agents are registered"),
    SharedKey(DIRECTORY, "ERASURES", _OPERATORS, "an erasure goes on by some rows"),
    SharedKey(DIRECTORY, "FOUND", _ALL, "employees are registered, come or go, or a profile becomes visible", units=2),
    SharedKey(DIRECTORY, "PEOPLE", _OPERATORS, "an employee is registered", units=2),
    SharedKey(DIRECTORY, r"EXTERNAL#[0-9a-f]{64}", _DIRECTORIES, "a user gets an id, once for each"),
    SharedKey(DIRECTORY, r"GROUP#[\w-]+", _DIRECTORIES, "a member joins or leaves the group"),
    SharedKey(DIRECTORY, "GROUPS", _DIRECTORIES, "a group or its members change", units=2),
    SharedKey(DIRECTORY, "GROUPNAMES", _DIRECTORIES, "a group is created, renamed or deleted", units=2),
    SharedKey(DIRECTORY, "INTEGRATORS", _OPERATORS, "an integrator is created or changed"),
    SharedKey(DIRECTORY, r"PEOPLE#\w+", _ALL, "a profile is changed", LIST_INDEX, units=2),
    SharedKey(DIRECTORY, r"(PROJECT|TEAM)#[\w-]+", _OPERATORS, "a member is erased"),
    SharedKey(DIRECTORY, "RECEIPTS", _OPERATORS, "an erasure ends"),
    SharedKey(FEEDBACK, "FEEDBACK", _ALL, "feedback is sent", LIST_INDEX),
    SharedKey(NETWORK, "INSTANCES", "other desks", "an instance registers, changes, or sends its heartbeat"),
    SharedKey(NETWORK, "MEMBERSHIPS", _OPERATORS, "a hub is joined, and each heartbeat to it"),
    SharedKey(NETWORK, "hub-heartbeats", _OPERATORS, "a hub is joined, and each heartbeat to it", DUE_INDEX, units=2),
    SharedKey(NETWORK, "NETWORK", _OPERATORS, "the network's instances change"),
    SharedKey(NETWORK, r"REGISTRATIONS(#FROM#[\w.:]+)?", "strangers, each address with its share", "a desk registers"),
    SharedKey(NETWORK, "AUDIT-REFUSALS", "strangers", "a sign-in is refused"),
    SharedKey(NETWORK, r"SHARE#[A-Z]+#FROM#[\w.:]+", "strangers at one address", "a passkey is asked for"),
    SharedKey(NETWORK, r"CLAIMS#FROM#[\w.:]+", "strangers at one address", "a desk asks for a connection"),
    SharedKey(NETWORK, r"SLUG#[\w-]+", "other desks", "agents are synced"),
    SharedKey(NETWORK, "notices", "other desks", "an instance registers or is decided", DUE_INDEX, units=2),
    SharedKey(NETWORK, "silent-instances", "other desks", "an instance sends its heartbeat", DUE_INDEX, units=2),
    SharedKey(PEERS, "FEDERATION", _OPERATORS, "an origin is blocked, or the desk's keys are published"),
    SharedKey(PEERS, "connection-requests", _ALL, "a connection is asked for", DUE_INDEX),
    SharedKey(PEERS, "peer-keys", _ALL, "a connection is asked for or kept", DUE_INDEX, units=2),
    SharedKey(PEERS, "peer-notices", _ALL, "a connection changes, and each attempt to say so", DUE_INDEX, units=2),
    SharedKey(TOKENS, "TOOLS", _OPERATORS, "a tools token is issued", OWNER_INDEX),
)
