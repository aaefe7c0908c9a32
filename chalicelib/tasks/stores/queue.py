"""The table `queue-items`: pk = <user id>, sk = ITEM#<item id>.

indexes order: <status>#<rank of priority>#<createdAt>#<id>, and type: <type>#<the same>; a rejected item is in
neither, and is kept for a while as a record of its rejection
an item that is done, and so counted, ends by ENDS, a rejected one by expiresAt alone (see core ends)
sk = COUNTS (see lists): also the person's settings, so that both are read and checked together; open/<integrator>
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from chalicelib import retention
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.domain.pages import Listed, PageRequest
from chalicelib.core.ports import Action
from chalicelib.core.stores import lists
from chalicelib.core.stores.actions import assignments, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.ends import COUNTED_COLUMNS, counted_end_of, end_of
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get, get_all
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.inbox.domain.deliveries import Decision
from chalicelib.inbox.stores.delivery_rows import decision_update
from chalicelib.parallel import gather
from chalicelib.resources import ORDER_INDEX, QUEUE_ITEMS, TYPE_INDEX
from chalicelib.tasks.domain.proposals import Verdict
from chalicelib.tasks.domain.queue import Change, Item, ItemStatus, Priority
from chalicelib.tasks.domain.queue_messages import ItemFilter
from chalicelib.tasks.domain.settings import Mode, QueueState

_PREFIX = "ITEM#"
REJECTED = "rejected"
# With the slug of an integrator, in the row of counts: how many of its items are not done.
_OPEN = "open/"

ITEM = Codec(Item, {"expires_at": "proposedUntil"}, without=("item_id", "user_id"))
VERDICT = Codec(Verdict)
# The due queue of proposals that expire while they wait.
PROPOSALS = "proposals"
# Attributes that rows have only while there is a value.
_SOMETIMES = ("claimant", "integrator", "proposedUntil", "verdict", "comments", "proposer")
# What an update sets, and what it removes where the item has none.
_GOING = ("orderKey", "typeKey", "claimant", *COUNTED_COLUMNS)
_CHANGING = ("status", "metadata", "updatedAt", "verdict", *_GOING)


class DynamoQueue:
    def add(
        self,
        item: Item,
        *,
        further: Sequence[Change],
        by: str,
        seen: QueueState,
        claim: Claim | None,
        reply: Row,
        also: Sequence[Action] = (),
    ) -> bool:
        """Store a new item with further changes; False if an item, the settings or the counts have changed.

        `by` is the id of the key that makes the changes; `also` are further members of the transaction, which the audit
        log records, and False is returned if one of their conditions doesn't hold. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        try:
            actions = [*add_item_actions(item, further=further, by=by, seen=seen), *also]
            commit(actions, claim=claim, reply=reply, audited=bool(also))
        except Refused as refused:
            # The id is fresh, so a row met with it is our own, written by a retry below us.
            return 0 in refused.failed
        return True

    def add_once(self, item: Item) -> bool:
        """Store a new item with which nothing is dispatched; False if its id exists. One store call."""
        return try_commit(add_item_actions(item))

    def find(self, user_id: str, item_id: str) -> Item | None:
        """Find an item that is not rejected, read consistently. One store call."""
        row = get(QUEUE_ITEMS, item_key(user_id, item_id))
        return item_from_row(row) if row else None

    def find_rejected(self, user_id: str, item_id: str) -> Item | None:
        """Find a rejected item of which there still is a record, as it waited. One store call."""
        row = get(QUEUE_ITEMS, item_key(user_id, item_id))
        return read_item(row) if row and row["status"] == REJECTED else None

    def restore(self, rejected: Item, item: Item, *, claim: Claim | None, reply: Row) -> bool:
        """Undo the rejection of an item; False if it has changed. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        row = _row(item)
        sets = {name: row[name] for name in ("status", "updatedAt", *_GOING) if name in row}
        removed = ["rejectedBy", "verdict", *(name for name in _GOING if name not in row)]
        restored = update(
            QUEUE_ITEMS,
            item_key(item.user_id, item.item_id),
            f"SET changes = changes + :one, {assignments(sets)} REMOVE {', '.join(removed)}",
            "#status = :rejected AND changes = :seenChanges",
            **sets,
            one=1,
            rejected=REJECTED,
            seenChanges=rejected.changes,
        )
        return try_commit([restored, _count(item.user_id, (), None, added=item)], claim=claim, reply=reply)

    def find_with_state(self, user_id: str, item_id: str) -> tuple[Item | None, QueueState]:
        """Find an item that is not rejected, with settings and counts, read consistently. One store call."""
        keys = [item_key(user_id, item_id), {"pk": user_id, "sk": lists.COUNTS}]
        rows = {row["sk"]: row for row in get_all(QUEUE_ITEMS, keys)}
        found = rows.get(f"{_PREFIX}{item_id}")
        return item_from_row(found) if found else None, _state_from_row(rows.get(lists.COUNTS, {}))

    def find_state(self, user_id: str) -> QueueState:
        """Find the person's settings and counts, read consistently. One store call."""
        return _state_from_row(lists.find_counts(QUEUE_ITEMS, user_id))

    def find_next(self, user_id: str, *, excluding: str | None) -> Item | None:
        """Find the most urgent ready item, the oldest of equals, but never `excluding`. Two store calls."""
        prefix = f"{ItemStatus.READY.value}#"
        sks = lists.first_sort_keys(QUEUE_ITEMS, ORDER_INDEX, user_id, prefix, limit=2)
        rows = lists.in_order(QUEUE_ITEMS, user_id, [sk for sk in sks if sk != f"{_PREFIX}{excluding}"][:1])
        return item_from_row(rows[0]) if rows else None

    def list_page(self, user_id: str, query: ItemFilter, page: PageRequest) -> Listed[Item]:
        """List a page of the person's items, and count all of them. Store calls in sequence: 2."""
        index, prefixes = _ranges(query)
        read = partial(lists.page_keys, QUEUE_ITEMS, index, user_id, prefixes, start=page.start, limit=page.limit)
        counts, keys = gather(partial(lists.find_counts, QUEUE_ITEMS, user_id), read)
        total = lists.total(counts, query.status, query.priority, query.type)
        return lists.list_rows(QUEUE_ITEMS, user_id, keys, total, item_from_row)

    def save(
        self,
        changes: Sequence[Change],
        *,
        by: str,
        seen: QueueState | None,
        claim: Claim | None,
        reply: Row,
        decision: Decision | None = None,
        also: Sequence[Action] = (),
    ) -> bool:
        """Make all changes or none; False if an item, or with `seen` the settings or counts, have changed.

        See `_count` for what `seen` requires. `by` is the id of the key that makes them. `decision` is the moderation
        of a held event that goes with a change; `also` are further members of the transaction. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        decided_event = [decision_update(decision)] if decision else []
        actions = [*change_items_actions(changes, by=by, seen=seen), *decided_event, *also]
        return try_commit(actions, claim=claim, reply=reply, audited=True)

    def save_settings(
        self,
        user_id: str,
        settings: Row,
        *,
        dispatched: Change | None,
        by: str,
        seen: QueueState,
        claim: Claim | None,
        reply: Row,
    ) -> bool:
        """Change settings and dispatch an item; False if the settings or counts have changed. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        counts = lists.count_action(
            QUEUE_ITEMS,
            user_id,
            added=[dispatched.after.facets] if dispatched and dispatched.after else [],
            taken=[dispatched.before.facets] if dispatched else [],
            seen=seen.version,
            sets=settings,
        )
        saved = [_save(dispatched, by)] if dispatched else []
        return try_commit([*saved, counts], claim=claim, reply=reply)


def change_items_actions(changes: Sequence[Change], *, by: str, seen: QueueState | None) -> list[Action]:
    """Return the actions that change one person's items, if `seen` is still current."""
    return [*(_save(each, by) for each in changes), _count(changes[0].before.user_id, changes, seen)]


def add_item_actions(
    item: Item, *, further: Sequence[Change] = (), by: str = "", seen: QueueState | None = None
) -> list[Action]:
    """Return the actions that store a new item and change others of the same person, if `seen` is still current."""
    return [
        put_new(QUEUE_ITEMS, _row(item)),
        *(_save(each, by) for each in further),
        _count(item.user_id, further, seen, added=item),
    ]


def _ranges(query: ItemFilter) -> tuple[str, list[str]]:
    # The index's keys are ordered by status first, so without one each status has a range of its own.
    tail = f"{Priority(query.priority).rank}#" if query.priority else ""
    statuses = [query.status] if query.status else sorted(ItemStatus) if tail else []
    prefixes = [f"{status}#{tail}" for status in statuses] or [""]
    if query.type:
        return TYPE_INDEX, [f"{query.type}#{prefix}" for prefix in prefixes]
    return ORDER_INDEX, prefixes


def _count(user_id: str, changes: Sequence[Change], seen: QueueState | None, *, added: Item | None = None) -> Action:
    """Return the action that counts changes, and an added item.

    With `seen`, what they dispatch was decided for these settings and counts. In cockpit mode nothing is dispatched, so
    only the mode must be the same. This lets calls that don't concern each other run at the same time. An integrator's
    item depends on the setting that allows it and on the number of its open ones too.
    """
    only_mode = seen is not None and seen.mode is Mode.COCKPIT and not (added and added.integrator)
    after = [each for each in (added, *(each.after for each in changes)) if each]
    before = [each.before for each in changes]
    return lists.count_action(
        QUEUE_ITEMS,
        user_id,
        added=[each.facets for each in after],
        taken=[each.facets for each in before],
        seen=None if seen is None or only_mode else seen.version,
        unless={"mode": Mode.CHIEF_OF_STAFF.value} if only_mode else None,
        tallies=[*_open_tasks(after, 1), *_open_tasks(before, -1)],
    )


def _open_tasks(items: Sequence[Item], change: int) -> list[tuple[str, int]]:
    return [(f"{_OPEN}{each.open_for}", change) for each in items if each.open_for]


def _save(change: Change, by: str) -> Action:
    before = change.before
    if change.after is not None:
        row = _row(change.after)
        sets: Row = {name: row[name] for name in _CHANGING if name in row} | {"changedBy": by}
    else:
        sets = {"status": REJECTED, "rejectedBy": by, **end_of(retention.TASKS, datetime.now(UTC))}
        sets |= {"verdict": VERDICT.to_row(change.verdict)} if change.verdict else {}
    removed = ", ".join(name for name in _GOING if name not in sets)
    return update(
        QUEUE_ITEMS,
        item_key(before.user_id, before.item_id),
        f"SET changes = changes + :one, {assignments(sets)}{' REMOVE ' * bool(removed)}{removed}",
        "#status = :seenStatus AND changes = :seenChanges",
        **sets,
        one=1,
        seenStatus=before.status.value,
        seenChanges=before.changes,
    )


def item_key(user_id: str, item_id: str) -> Row:
    return {"pk": user_id, "sk": f"{_PREFIX}{item_id}"}


def _row(item: Item) -> Row:
    order = f"{item.status.value}#{item.priority.rank}#{item.created_at}#{item.item_id}"
    keys = {"orderKey": order, "typeKey": f"{item.type.value}#{order}"}
    row = item_key(item.user_id, item.item_id) | keys | ITEM.to_row(item) | end_of_item(item)
    return {name: value for name, value in row.items() if value not in (None, []) or name not in _SOMETIMES}


def end_of_item(item: Item) -> Row:
    """Return the columns with which an item ends, or its proposal expires; none while it is open."""
    if item.status is ItemStatus.PENDING_CONFIRMATION and item.expires_at:
        return {"dueQueue": PROPOSALS, "dueAt": item.expires_at}
    is_done = item.status is ItemStatus.DONE_TODAY
    return counted_end_of(retention.TASKS, item.updated_at) if is_done else {}


def item_from_row(row: Row) -> Item | None:
    return None if row["status"] == REJECTED else read_item(row)


def read_item(row: Row) -> Item:
    """Read an item, and a rejected one as it waited."""
    if row["status"] == REJECTED:
        row = row | {"status": ItemStatus.PENDING_CONFIRMATION.value}
    return ITEM.from_row(row, item_id=row["sk"].removeprefix(_PREFIX), user_id=row["pk"])


def _state_from_row(row: Row) -> QueueState:
    return QueueState(
        version=int(row.get("version", 0)),
        mode=Mode(row.get("mode", Mode.COCKPIT)),
        queue_auto_approve=row.get("queueAutoApprove", False),
        counts={status.value: lists.total(row, status, None, None) for status in ItemStatus},
        agents_of_integrators=row.get("agentsOfIntegrators", False),
        open_tasks={
            name.removeprefix(_OPEN): int(count) for name, count in row.items() if name.startswith(_OPEN) and count
        },
    )
