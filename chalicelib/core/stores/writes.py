"""Transactions, with the idempotency record of the call that makes them; and batch writes."""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws import dynamodb
from chalicelib.core.domain.attempts import pause
from chalicelib.core.domain.audit import AuditEntry, Subject
from chalicelib.core.domain.errors import IdempotencyInProgress, Unavailable
from chalicelib.core.domain.idempotency import AlreadyAnswered, Claim, ReplyRecord
from chalicelib.core.ports import Action
from chalicelib.core.stores import audit_trail
from chalicelib.core.stores.actions import NEW, put
from chalicelib.core.stores.full_lists import list_full, tables_of
from chalicelib.core.stores.items import Row, from_item, to_item
from chalicelib.parallel import chunks, gather
from chalicelib.resources import IDEMPOTENCY, Table

_ATTEMPTS = 12
_BATCH_ATTEMPTS = 8
_MOST_PER_BATCH = 25


class Refused(Exception):
    """A condition did not hold; nothing was written.

    `rows` has the stored row of each action, empty if there is none; `failed` has the positions of the failed actions.
    """

    def __init__(self, rows: Sequence[Row], failed: Sequence[int]) -> None:
        super().__init__("condition not met")
        self.rows, self.failed = rows, failed


def commit(
    actions: Sequence[Action],
    *,
    claim: Claim | None = None,
    reply: Mapping[str, Any] | None = None,
    tokened: bool = False,
    audited: bool | Subject = False,
) -> None:
    """Write all of `actions` or none; with a claim also its record, which stores `reply` for repeated calls.

    Each action is one `TransactWriteItems` member. A single `Put`, `Update` or `Delete` without a claim is made as
    the plain call, at half the price; a single condition is a transaction, and so is every call with `tokened`. If an
    entry point has opened an entry of the audit log (see audit_trail), one of the transactions that are `audited` has
    it, about the subject if one is given. One store call, unless other transactions hold the same rows.

    The SDK sends a call again if its response is lost, and the condition may then fail on what the call itself has
    written. The store recognises a transaction by its token, and a plain `Put` is recognised here by the row that it
    left. A plain `Update` or `Delete` is not: use `tokened` if its caller tells a refusal from a success.

    Raises:
        Refused: a condition did not hold.
        AlreadyAnswered: the claim has been used before; nothing was written.
        ListFull: the rows of a partition key have no more room; nothing was written.
        IdempotencyInProgress, Unavailable: other transactions kept the rows busy.
    """
    draft = audit_trail.current() if audited else None
    entry = draft.take(audited if isinstance(audited, Subject) else None) if draft else None
    try:
        _commit(actions, entry, claim, reply or {}, tokened=tokened)
    except BaseException:
        if draft and entry:
            draft.give_back()
        raise


def _commit(
    actions: Sequence[Action],
    entry: AuditEntry | None,
    claim: Claim | None,
    reply: Mapping[str, Any],
    *,
    tokened: bool,
) -> None:
    recorded = [audit_trail.put_entry_action(entry)] if entry else []
    members = [*actions, *recorded, *([_record(claim, reply)] if claim else [])]
    for attempt in range(_ATTEMPTS):
        try:
            _write(members, tokened=tokened)
        except ClientError as error:
            if _has_put(error, members):
                return
            reasons = _reasons(error, members)
            rows = [from_item(reason.get("Item") or {}) for reason in reasons]
            codes = {reason["Code"] for reason in reasons}
            if claim and reasons[-1]["Code"] == "ConditionalCheckFailed":
                record = rows[-1]
                if record.get("nonce") == claim.nonce:
                    return
                raise AlreadyAnswered(to_reply_record(record)) from error
            if "ConditionalCheckFailed" in codes:
                failed = [place for place, reason in enumerate(reasons) if reason["Code"] == "ConditionalCheckFailed"]
                raise Refused(rows, failed) from error
            if not codes <= {"None", "TransactionConflict"}:
                raise
        else:
            return
        pause(attempt)
    if claim:
        raise IdempotencyInProgress("A call under the same key is still being worked on.")
    raise Unavailable("It is being changed by many calls at once.")


def try_commit(
    actions: Sequence[Action],
    *,
    claim: Claim | None = None,
    reply: Mapping[str, Any] | None = None,
    tokened: bool = False,
    audited: bool | Subject = False,
) -> bool:
    """Commit, and return False instead of raising `Refused` if a condition does not hold."""
    try:
        commit(actions, claim=claim, reply=reply, tokened=tokened, audited=audited)
    except Refused:
        return False
    return True


def change_row(action: Action) -> Row | None:
    """Make a single update and return the updated row; None if its condition does not hold.

    One store call.

    Raises:
        ListFull: the rows of the partition key have no more room.
    """
    try:
        done = dynamodb().update_item(**action["Update"], ReturnValues="ALL_NEW")
    except ClientError as error:
        if full := list_full(error, tables_of([action])):
            raise full from error
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return None
    return from_item(dict(done["Attributes"]))


def write_all(table: Table, *, puts: Iterable[Row] = (), deletes: Iterable[Row] = ()) -> None:
    """Put and delete rows in batches, each row on its own and without conditions; keys must be distinct.

    One store call per 25, made at the same time.

    Raises:
        Unavailable: some were not written.
        ListFull: the rows of a partition key have no more room; some may be written.
    """
    requests: list[Any] = [{"PutRequest": {"Item": to_item(row)}} for row in puts]
    requests += [{"DeleteRequest": {"Key": to_item(key)}} for key in deletes]
    groups = list(chunks(requests, _MOST_PER_BATCH))
    if len(groups) == 1:
        _write_batch(table, groups[0])
    elif groups:
        gather(*(partial(_write_batch, table, group) for group in groups))


def _write_batch(table: Table, requests: list[Any]) -> None:
    pending = requests
    for attempt in range(_BATCH_ATTEMPTS):
        try:
            written = dynamodb().batch_write_item(RequestItems={table.physical_name: pending})
        except ClientError as error:
            raise (list_full(error, [table.physical_name]) or error) from None
        pending = list(written.get("UnprocessedItems", {}).get(table.physical_name, []))
        if not pending:
            return
        pause(attempt)
    raise Unavailable("A store did not take everything.")


def to_reply_record(record: Row) -> ReplyRecord:
    return ReplyRecord(record["fingerprint"], json.loads(zlib.decompress(bytes(record["reply"]))))


def _write(members: Sequence[Action], *, tokened: bool) -> None:
    if tokened or len(members) > 1 or "ConditionCheck" in members[0]:
        dynamodb().transact_write_items(TransactItems=members)  # type: ignore[arg-type]
        return
    ((kind, request),) = members[0].items()
    match kind:
        case "Put":
            dynamodb().put_item(**request)
        case "Update":
            dynamodb().update_item(**request)
        case "Delete":
            dynamodb().delete_item(**request)


def _has_put(error: ClientError, members: Sequence[Action]) -> bool:
    """Whether the refused call is the retry of a put that had its effect, and whose response was lost."""
    response: Any = error.response
    if response["Error"]["Code"] != "ConditionalCheckFailedException" or "Put" not in members[0]:
        return False
    retries = response["ResponseMetadata"].get("RetryAttempts", 0)
    # An equal row of somebody else is no success of ours, so a first attempt is refused by it.
    return bool(retries) and from_item(response.get("Item") or {}) == from_item(members[0]["Put"]["Item"])


def pack_reply(reply: Mapping[str, Any]) -> bytes:
    """Compress a reply for its record; a bulk reply of a thousand rows would exceed the size of an item."""
    return zlib.compress(json.dumps(reply, ensure_ascii=False, separators=(",", ":")).encode())


def record_action(row: Row, claim: Claim) -> Action:
    """Return the action that stores a record unless one exists that has not expired; TTL deletes late."""
    owner = {"userId": claim.user_id} if claim.user_id else {}
    return put(IDEMPOTENCY, row | owner, f"{NEW} OR expiresAt <= :now", now=claim.now)


def _record(claim: Claim, reply: Mapping[str, Any]) -> Action:
    row = {
        "pk": claim.scope,
        "fingerprint": claim.fingerprint,
        "nonce": claim.nonce,
        "reply": pack_reply(reply),
        "expiresAt": claim.expires_at,
    }
    return record_action(row, claim)


def _reasons(error: ClientError, members: Sequence[Action]) -> list[dict[str, Any]]:
    if full := list_full(error, tables_of(members)):
        raise full from error
    response: dict[str, Any] = dict(error.response)
    match response["Error"]["Code"]:
        case "TransactionCanceledException":
            return list(response["CancellationReasons"])
        case "ConditionalCheckFailedException":
            return [{"Code": "ConditionalCheckFailed", "Item": response.get("Item")}]
        case "TransactionConflictException":
            return [{"Code": "TransactionConflict"}]
    raise error
