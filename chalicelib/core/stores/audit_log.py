"""The audit log, in the table `audit`. Rows are put where there is none, and never changed; only TTL deletes them.

pk = LOG#<part>, sk = <time>#<entry id>: kind, actor, actorId, credential, credentialId, subject, subjectId, personId,
address, requestId, details; expiresAt is the table's TTL
index actor: actorId, sk
index person: personId, sk: the person whom the entry concerns, if somebody else acted

People are named by their refs (see core.domain.audit), in actorId, subjectId and personId, and nowhere else.

Which part of the log has an entry follows from its actor, so many can write at a time.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple

from chalicelib.aws import dynamodb
from chalicelib.core.domain.addresses import network_of
from chalicelib.core.domain.audit import Actor, ActorKind, AuditEntry, Credential, Subject, with_refs
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.domain.person_refs import is_person_ref, person_ref
from chalicelib.core.stores.actions import NEW, update
from chalicelib.core.stores.audit_trail import SHARDS, Draft, log_key, open_draft, put_entry_action
from chalicelib.core.stores.ends import without_ended
from chalicelib.core.stores.hourly_limits import count_in_hour_action
from chalicelib.core.stores.items import Row, from_item, values
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.parallel import gather
from chalicelib.resources import ACTOR_INDEX, AUDIT, NETWORK, PERSON_INDEX

log = logging.getLogger("fluxden")

# To write entries, and to write those of strangers.
RECORD = AUDIT.can("PutItem")
RECORD_REFUSALS = RECORD + NETWORK.can("UpdateItem")
READ = AUDIT.can("Query")
READ_OF_PERSONS = AUDIT.can("Query", index=ACTOR_INDEX) + AUDIT.can("Query", index=PERSON_INDEX)

# Entries that strangers can cause, in an hour of the clock.
_MOST_REFUSALS = 500
# One network address causes one entry with the same words in this time.
_COALESCED = timedelta(minutes=10)
# How many rows of each part one call reads, to find some that match.
_READ_AT_ONCE = 1000


class AuditFilter(NamedTuple):
    """Which entries to read. Kinds start with `kind`, or are one of `kinds`; `person` is a user id, or a ref, as
    entries name somebody who was erased.
    """

    person: str | None = None
    kind: str = ""
    kinds: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None


class AuditPage(NamedTuple):
    """Entries, newest first, and where the next page begins; None at the end. A page can be empty before the end."""

    entries: list[AuditEntry]
    position: str | None


@contextmanager
def recording(entry: AuditEntry, *, each: bool = False) -> Iterator[Draft]:
    """Record the change that this block makes: in its transaction, or else at the end of the block.

    If an exception ends the block, nothing is recorded besides what a transaction recorded with the change. With `each`
    every transaction has an entry, and the end of the block none. Store calls: 1, where no transaction has the entry.
    """
    with open_draft(entry, each=each) as draft:
        yield draft
    if not draft.is_dropped:
        _log(draft.entry)
    if draft.is_due:
        # If it is there, an attempt whose response was lost has stored it.
        try_commit([put_entry_action(draft.entry)])


def record_refusal(entry: AuditEntry) -> None:
    """Record that somebody was refused. Store calls: 1.

    Strangers can cause this, so one network address has one entry in ten minutes for the same kind and details, and all
    of them together a limited number in an hour. That entries were left out is an entry itself.
    """
    _log(entry)
    window = int(entry.at.timestamp() // _COALESCED.total_seconds())
    same = (entry.kind, entry.actor.id, network_of(entry.address), sorted(entry.details.items()))
    key = {"pk": f"REFUSAL#{sha256(repr(same).encode()).hexdigest()}", "sk": str(window)}
    expires = int((entry.at + 2 * _COALESCED).timestamp())
    is_first = update(NETWORK, key, "SET expiresAt = :expires", NEW, expires=expires)
    counted = count_in_hour_action(entry.at, most=_MOST_REFUSALS, of="AUDIT-REFUSALS")
    try:
        commit([is_first, counted, put_entry_action(entry)])
    except Refused as refused:
        if 0 not in refused.failed:
            _note_left_out(entry.at)


def _note_left_out(now: datetime) -> None:
    hour = now.replace(minute=0, second=0, microsecond=0)
    kind, actor = AuditKind.REFUSALS_LEAVE_OUT, Actor(ActorKind.STRANGER)
    try_commit([put_entry_action(AuditEntry("left-out", hour, kind, actor))])


def list_entries(wanted: AuditFilter, *, after: str | None, limit: int) -> AuditPage:
    """List entries, newest first, from a position on, with the refs of people.

    Each call reads a bounded number of rows, so where few entries match, a page can have fewer than `limit` before the
    end. Store calls at the same time: 4, or 2 for a person.
    """
    reads = [partial(_read, part, wanted, after, limit) for part in _parts(wanted)]
    found = gather(*reads)
    # A part that was not read to its end says nothing about what is older than its last row.
    horizon = max((end for _, end in found if end), default="")
    rows = {row["sk"] + row["pk"]: row for rows, _ in found for row in rows if row["sk"] >= horizon}
    ordered = sorted(rows.values(), key=lambda row: (row["sk"], row["pk"]), reverse=True)
    if len(ordered) > limit:
        return AuditPage([*map(_from_row, ordered[:limit])], ordered[limit - 1]["sk"])
    return AuditPage([*map(_from_row, ordered)], horizon or None)


def _parts(wanted: AuditFilter) -> list[tuple[str | None, str, str]]:
    """Return index, key and value of each part of the log that can have such entries."""
    if wanted.person:
        ref = wanted.person if is_person_ref(wanted.person) else person_ref(wanted.person)
        return [(ACTOR_INDEX, "actorId", ref), (PERSON_INDEX, "personId", ref)]
    return [(None, "pk", log_key(shard)) for shard in range(SHARDS)]


def _read(
    part: tuple[str | None, str, str], wanted: AuditFilter, after: str | None, limit: int
) -> tuple[list[Row], str]:
    """Read some rows of a part, and the key of the last one that was read, if there are more.

    One store call; another one where the store returned nothing but the row at the position.
    """
    index, attribute, value = part
    first = timestamp(wanted.since) if wanted.since else " "
    last = f"{timestamp(wanted.until)}~" if wanted.until else "~"
    named = {"part": value, "first": first, "last": min(after, last) if after else last}
    if named["last"] < named["first"]:
        return [], ""
    conditions = []
    if wanted.kind:
        conditions.append("begins_with(kind, :kind)")
        named["kind"] = wanted.kind
    if wanted.kinds:
        names = {f"kind{number}": each for number, each in enumerate(sorted(wanted.kinds))}
        conditions.append(f"({' OR '.join(f'kind = :{name}' for name in names)})")
        named |= names
    request: dict[str, Any] = {"IndexName": index} if index else {"ConsistentRead": True}
    if conditions:
        request["FilterExpression"] = " AND ".join(conditions)
    while True:
        page = dynamodb().query(
            TableName=AUDIT.physical_name,
            KeyConditionExpression=f"{attribute} = :part AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues=values(**named),
            ScanIndexForward=False,
            Limit=_READ_AT_ONCE if conditions else limit + 2,
            **request,
        )
        rows = list(without_ended(from_item(dict(each)) for each in page["Items"]))
        end = page.get("LastEvaluatedKey", {}).get("sk", {}).get("S", "")
        # A page may end anywhere, also at the position itself; the next one would begin there again.
        if after is None or end != after:
            return [row for row in rows if after is None or row["sk"] < after], end
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _from_row(row: Row) -> AuditEntry:
    at, _, entry_id = row["sk"].partition("#")
    credential = Credential(row["credential"]) if "credential" in row else None
    actor = Actor(ActorKind(row["actor"]), row.get("actorId"), credential, row.get("credentialId"))
    subject = Subject(row["subject"], row["subjectId"], row.get("personId")) if "subject" in row else None
    return AuditEntry(
        entry_id,
        parse_timestamp(at),
        row["kind"],
        actor,
        subject,
        row.get("address"),
        row.get("requestId"),
        row.get("details", {}),
    )


def _log(entry: AuditEntry) -> None:
    # The same in the log of the function, which is kept as long, and names people by refs for the same reason.
    named = with_refs(entry)
    actor, subject = named.actor, named.subject
    line = {
        "audit": str(entry.kind),
        "row": subject.id if subject else None,
        "actor": actor.kind.value,
        "actorId": actor.id,
        "keyId": actor.credential_id,
        "requestId": entry.request_id,
    }
    log.info("audit", extra=line)
