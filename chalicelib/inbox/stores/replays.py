"""Replays of callbacks (see replay_rows), and the clicks that they send again.

A step is one transaction: the clicks and the replay. So a step that is made again finds that it was made.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.aws import dynamodb
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.retries import GRACE, Outcome
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import assignments, put, update
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.core.stores.reads import get, get_all, list_due
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.ids import new_nonce
from chalicelib.inbox.domain.clicks import Click
from chalicelib.inbox.domain.replays import PER_STEP, Replay, ReplayJob, ReplayKind, ReplayPosition, ReplayStatus
from chalicelib.inbox.stores.clicks import CLICK_PREFIX, click_from_row, click_key, clicks_on, key_of
from chalicelib.inbox.stores.delivery_rows import delivery_key, from_row
from chalicelib.inbox.stores.endpoints import ANY_TIME, held_queue
from chalicelib.inbox.stores.replay_rows import (
    DUE_QUEUE,
    due_columns,
    new_replay_row,
    replay_columns,
    replay_from_row,
    replay_key,
)
from chalicelib.resources import CALLBACKS, DELIVERIES, RECENT_INDEX

_EXAMINED_PER_STEP = 200


class ReplayPage(NamedTuple):
    """The clicks of a step that are sent again, and how far the replay has come by it."""

    clicks: Sequence[Click]
    examined: int
    position: ReplayPosition | None
    is_last: bool


class DynamoReplays:
    def find(self, replay_id: str) -> Replay | None:
        """Find a replay. One store call."""
        row = get(DELIVERIES, replay_key(replay_id))
        return replay_from_row(row) if row else None

    def begin(self, replay: Replay, *, now: datetime) -> Replay:
        """Store a replay, or begin one that is done again, and return it; one that is running stays as it is.

        The change is audited. One store call.
        """
        row = new_replay_row(replay, now=now)
        stored = put(
            DELIVERIES,
            row,
            "attribute_not_exists(pk) OR #status = :done",
            done=ReplayStatus.DONE.value,
        )
        try:
            commit([stored], audited=True, tokened=True)
        except Refused as refused:
            return replay_from_row(refused.rows[0])
        return replay

    def read_page(self, replay: Replay) -> ReplayPage:
        """Read what the next step is about. Store calls in sequence: 2 for what waits, else 1 to 3."""
        return _held_page(replay) if replay.kind is ReplayKind.HELD else _failed_page(replay)

    def save_step(self, before: Replay, after: Replay, clicks: Sequence[Click], *, now: datetime) -> bool | None:
        """Make the callbacks of a step due; False if one has changed since, None if another call goes on.

        One store call.
        """
        step = new_nonce()
        sets: Row = replay_columns(after) | {"step": step} | ({} if after.is_over else due_columns(now))
        saved = update(
            DELIVERIES,
            replay_key(before.replay_id),
            f"SET {assignments(sets)}" + (" REMOVE dueQueue, dueAt" if after.is_over else ""),
            "#steps = :before AND dueQueue = :due",
            **sets,
            before=before.steps,
            due=DUE_QUEUE,
        )
        try:
            commit([saved, *(_restart(before, click, now=now) for click in clicks)])
        except Refused as refused:
            if 0 not in refused.failed:
                return False
            # By a retry of the client library below us.
            return True if refused.rows[0].get("step") == step else None
        return True

    def list_due(self, *, now: datetime, limit: int) -> Sequence[tuple[ReplayJob, str]]:
        """Return some replays that no worker has continued in time, with their due times. One store call."""
        rows = list_due(DELIVERIES, DUE_QUEUE, now=now, limit=limit)
        return [(ReplayJob(replay_id=row["pk"].partition("#")[2]), row["dueAt"]) for row in rows]

    def postpone(self, job: ReplayJob, due_at: str, *, until: datetime) -> bool:
        """Move the due time from `due_at` to `until`; False if another call has. One store call."""
        later = {"dueAt": timestamp(until), "before": due_at}
        return try_commit(
            [update(DELIVERIES, replay_key(job.replay_id), "SET dueAt = :dueAt", "dueAt = :before", **later)]
        )


def _restart(replay: Replay, click: Click, *, now: datetime) -> Action:
    at: Row = {"now": timestamp(now), "due": timestamp(now + GRACE), "queue": CALLBACKS.name}
    if replay.kind is ReplayKind.HELD:
        return update(
            DELIVERIES,
            click_key(click),
            "SET nextAttemptAt = :now, dueQueue = :queue, dueAt = :due",
            "dueQueue = :held",
            held=held_queue(replay.integrator, replay.origin),
            **at,
        )
    return update(
        DELIVERIES,
        click_key(click),
        "SET outcome = :pending, nextAttemptAt = :now, dueQueue = :queue, dueAt = :due",
        "outcome = :was AND size(attempts) = :made",
        pending=Outcome.PENDING.value,
        was=click.outcome.value,
        made=len(click.attempts),
        **at,
    )


def _held_page(replay: Replay) -> ReplayPage:
    held = held_queue(replay.integrator, replay.origin)
    rows = list_due(DELIVERIES, held, now=ANY_TIME, limit=PER_STEP)
    # The index may show some that an earlier step has sent.
    found = get_all(DELIVERIES, [{"pk": row["pk"], "sk": row["sk"]} for row in rows]) if rows else []
    clicks = [click_from_row(row) for row in found if row.get("dueQueue") == held]
    return ReplayPage(clicks, len(clicks), None, len(rows) < PER_STEP)


def _failed_page(replay: Replay) -> ReplayPage:
    request: dict[str, Any] = {
        "TableName": DELIVERIES.physical_name,
        "IndexName": RECENT_INDEX,
        "KeyConditionExpression": "clickedOn = :day AND clickedAt BETWEEN :since AND :until",
        "ExpressionAttributeValues": values(day=clicks_on(replay.day or ""), since=replay.since, until=replay.until),
        "Limit": _EXAMINED_PER_STEP,
    }
    if replay.position:
        clicked_at, delivery_id, button = replay.position
        start = key_of(delivery_id, button) | {"clickedOn": clicks_on(replay.day or ""), "clickedAt": clicked_at}
        request["ExclusiveStartKey"] = to_item(start)
    page = dynamodb().query(**request)
    keys = [from_item(dict(item)) for item in page["Items"]]
    rows = get_all(DELIVERIES, [{"pk": each["pk"], "sk": each["sk"]} for each in keys]) if keys else []
    clicks = {(row["pk"], row["sk"]): click_from_row(row) for row in rows}
    failed = {click.delivery_id for click in clicks.values() if click.outcome in (Outcome.FAILED, Outcome.GONE)}
    sent = get_all(DELIVERIES, [delivery_key(each) for each in sorted(failed)]) if failed else []
    deliveries = {row["pk"]: from_row(row) for row in sent}
    selected: list[Click] = []
    for number, key in enumerate(keys, 1):
        click = clicks.get((key["pk"], key["sk"]))
        if click and replay.selects(click, deliveries.get(click.delivery_id)):
            selected.append(click)
        if len(selected) == PER_STEP and number < len(keys):
            return ReplayPage(selected, number, _position_of(key), is_last=False)
    is_last = "LastEvaluatedKey" not in page
    return ReplayPage(selected, len(keys), _position_of(keys[-1]) if keys and not is_last else None, is_last)


def _position_of(key: Row) -> ReplayPosition:
    return ReplayPosition(key["clickedAt"], key["pk"], int(key["sk"].removeprefix(CLICK_PREFIX)))
