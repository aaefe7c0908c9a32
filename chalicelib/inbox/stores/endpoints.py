"""Endpoints of callbacks that fail or are paused, in the table `deliveries`.

pk = ENDPOINTS; sk = <integrator>#<origin>
dueQueue = callback-probes, dueAt: when an endpoint that failures have paused is probed
expiresAt: the end of one that is not paused

A click that waits for a paused endpoint has, in the index `due`, dueQueue = held#<integrator>#<origin>.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from chalicelib import retention
from chalicelib.aws import dynamodb
from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.domain.retries import Outcome
from chalicelib.core.stores.actions import check, delete, put, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.reads import get, list_due, query_partition
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.inbox.domain.callbacks import CallbackJob
from chalicelib.inbox.domain.clicks import Click
from chalicelib.inbox.domain.endpoints import Endpoint, PausedBy
from chalicelib.inbox.domain.replays import Replay
from chalicelib.inbox.stores.clicks import click_key, job_of
from chalicelib.inbox.stores.replay_rows import new_replay_row
from chalicelib.resources import DELIVERIES, DUE_INDEX

PARTITION = "ENDPOINTS"
PROBES = "callback-probes"
_ENDPOINT = Codec(Endpoint, without=("integrator", "origin"))
# Whatever waits is due before this.
ANY_TIME = datetime.max.replace(tzinfo=UTC)
# Those that wait are counted so far.
_MOST_COUNTED = 1_000


class DynamoEndpoints:
    def find(self, integrator: str, origin: str) -> Endpoint | None:
        """Find an endpoint that fails or is paused, read consistently. One store call."""
        row = get(DELIVERIES, _key(integrator, origin))
        return _from_row(row) if row else None

    def list_of(self, integrator: str | None = None) -> list[Endpoint]:
        """List the endpoints that fail or are paused, of one integrator or of all. One store call."""
        prefix = f"{integrator}#" if integrator else ""
        return [_from_row(row) for row in query_partition(DELIVERIES, PARTITION, prefix)]

    def count_waiting(self, endpoint: Endpoint) -> int:
        """Count the callbacks that wait for a paused endpoint, up to 1,000. One store call."""
        page = dynamodb().query(
            TableName=DELIVERIES.physical_name,
            IndexName=DUE_INDEX,
            KeyConditionExpression="dueQueue = :held",
            ExpressionAttributeValues=values(held=held_queue(endpoint.integrator, endpoint.origin)),
            Select="COUNT",
            Limit=_MOST_COUNTED,
        )
        return page["Count"]

    def save(self, endpoint: Endpoint, *, over: Endpoint | None) -> bool:
        """Store what a failure makes of an endpoint; False if it has changed since. One store call."""
        if over is None:
            return try_commit([put_new(DELIVERIES, _to_row(endpoint))])
        condition = "lastFailedAt = :seen AND attribute_not_exists(pausedAt)"
        return try_commit([put(DELIVERIES, _to_row(endpoint), condition, seen=over.last_failed_at)])

    def clear(self, endpoint: Endpoint) -> bool:
        """Forget that an endpoint failed, unless it is paused. One store call."""
        key = _key(endpoint.integrator, endpoint.origin)
        return try_commit([delete(DELIVERIES, key, "attribute_not_exists(pausedAt)")])

    def pause(self, endpoint: Endpoint) -> bool:
        """Store a pause by hand; False if a person has paused it before. The change is audited. One store call."""
        by_hand = "attribute_not_exists(pausedAt) OR pausedBy = :failures"
        stored = put(DELIVERIES, _to_row(endpoint), by_hand, failures=PausedBy.FAILURES.value)
        return try_commit([stored], tokened=True, audited=True)

    def resume(self, endpoint: Endpoint, replay: Replay, *, now: datetime) -> bool:
        """End a pause, and store the replay of what waited; False if it has ended. Audited. One store call."""
        ended = delete(
            DELIVERIES, _key(endpoint.integrator, endpoint.origin), "pausedAt = :seen", seen=endpoint.paused_at
        )
        return try_commit([ended, put_new(DELIVERIES, new_replay_row(replay, now=now))], audited=True)

    def hold(self, click: Click, endpoint: Endpoint, *, now: datetime) -> bool:
        """Let the callback of a click wait for its endpoint; False if that is not paused any more. One store call."""
        waits = update(
            DELIVERIES,
            click_key(click),
            "SET dueQueue = :held",
            "outcome = :pending AND size(attempts) = :made AND attribute_exists(dueAt)"
            " AND (attribute_not_exists(leaseId) OR leaseUntil <= :now)",
            held=held_queue(endpoint.integrator, endpoint.origin),
            pending=Outcome.PENDING.value,
            made=len(click.attempts),
            now=timestamp(now),
        )
        paused = check(DELIVERIES, _key(endpoint.integrator, endpoint.origin), "attribute_exists(pausedAt)")
        try:
            commit([waits, paused])
        except Refused as refused:
            # If only the click is different, another worker has its attempt.
            return 1 not in refused.failed
        return True

    def find_waiting(self, endpoint: Endpoint) -> CallbackJob | None:
        """Find the callback that has waited longest for an endpoint. One store call."""
        held = held_queue(endpoint.integrator, endpoint.origin)
        rows = list_due(DELIVERIES, held, now=ANY_TIME, limit=1)
        return job_of(rows[0]) if rows else None

    def list_due_probes(self, *, now: datetime, limit: int) -> Sequence[Endpoint]:
        """List some endpoints whose probe is due. Store calls: 1 and 1 for each."""
        rows = list_due(DELIVERIES, PROBES, now=now, limit=limit)
        found = (get(DELIVERIES, {"pk": row["pk"], "sk": row["sk"]}) for row in rows)
        return [_from_row(row) for row in found if row and row.get("dueQueue") == PROBES]

    def postpone_probe(self, endpoint: Endpoint, *, until: datetime) -> bool:
        """Move the next probe; False if another call has. One store call."""
        at = timestamp(until)
        return try_commit(
            [
                update(
                    DELIVERIES,
                    _key(endpoint.integrator, endpoint.origin),
                    "SET dueAt = :at, nextProbeAt = :at",
                    "nextProbeAt = :seen",
                    at=at,
                    seen=endpoint.next_probe_at,
                )
            ]
        )


def held_queue(integrator: str, origin: str) -> str:
    """Return the partition of the index `due` with the callbacks that wait for an endpoint."""
    return f"held#{integrator}#{origin}"


def _key(integrator: str, origin: str) -> Row:
    return {"pk": PARTITION, "sk": f"{integrator}#{origin}"}


def _to_row(endpoint: Endpoint) -> Row:
    row = _key(endpoint.integrator, endpoint.origin) | _ENDPOINT.to_row(endpoint)
    if endpoint.next_probe_at is not None:
        row |= {"dueQueue": PROBES, "dueAt": endpoint.next_probe_at}
    if not endpoint.is_paused and endpoint.last_failed_at is not None:
        end = parse_timestamp(endpoint.last_failed_at) + retention.ENDPOINTS.kept
        row["expiresAt"] = int(end.timestamp())
    # Conditions ask whether it is there, so a null would be one.
    return {name: value for name, value in row.items() if value is not None}


def _from_row(row: Row) -> Endpoint:
    integrator, _, origin = row["sk"].partition("#")
    return _ENDPOINT.from_row(row, integrator=integrator, origin=origin)
