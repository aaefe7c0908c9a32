"""Rules by which rows are erased that hang together with others, or that others count.

Each rule says for a row whether it has anything to do, and does it. A repeat does no harm: what a rule deletes last is
the row by which it is found.
"""

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from functools import partial
from typing import Protocol

from chalicelib.board.stores.contacts import DynamoContacts
from chalicelib.catalog.domain.approvals import ApprovalStatus
from chalicelib.catalog.stores.catalog import item_key
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.actions import EXISTS, delete, put, update
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import query_partition
from chalicelib.core.stores.writes import pack_reply, try_commit, write_all
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.inbox.domain.deliveries import Decision, Moderation, ModerationStatus
from chalicelib.inbox.stores.delivery_rows import decision_update, from_row
from chalicelib.inbox.stores.sent import label_rows
from chalicelib.personal_data.domain.subjects import Redaction, Subject
from chalicelib.personal_data.stores.row_kinds import RowKind, key_of_row
from chalicelib.resources import CATALOG, CONTACTS, DELIVERIES, IDEMPOTENCY, PEERS, QUEUE_ITEMS
from chalicelib.tasks.stores.queue import DynamoQueue, item_from_row


class Need(Enum):
    """What a row needs: nothing, to be erased, to lose what names the person, or to wait for a worker."""

    NOTHING = auto()
    REMOVAL = auto()
    REDACTION = auto()
    WAIT = auto()


@dataclass(frozen=True)
class Eraser:
    """Whom to erase, when, and how to end a connection."""

    subject: Subject
    now: datetime
    new_id: Callable[[], str]
    end_connection: Callable[[str], None]

    @property
    def redaction(self) -> Redaction:
        return Redaction(self.subject)

    def owns(self, kind: RowKind, row: Row) -> bool:
        return kind.belongs_to(row, self.subject.user_id, self.subject.email)


class Rule(Protocol):
    def need_of(self, kind: RowKind, row: Row, eraser: Eraser) -> Need:
        """Say what the row needs."""

    def apply(self, kind: RowKind, row: Row, eraser: Eraser) -> bool:
        """Erase what is the person's; False if the row has changed meanwhile."""


class _OwnOrNamed:
    """Own rows are removed, and others redacted."""

    def need_of(self, kind: RowKind, row: Row, eraser: Eraser) -> Need:
        if eraser.owns(kind, row):
            return Need.REMOVAL
        return Need.REDACTION if eraser.redaction.finds(row) else Need.NOTHING


class ApprovalRule(_OwnOrNamed):
    """An approval is counted in its item's row, and has an access and a pointer."""

    def apply(self, kind: RowKind, row: Row, eraser: Eraser) -> bool:
        if not eraser.owns(kind, row):
            return _redact(kind, row, eraser)
        status = ApprovalStatus(row["status"])
        counted = update(
            CATALOG,
            item_key(row["slug"]),
            "ADD liveApprovals :live, liveAssets :assets",
            EXISTS,
            live=-int(status.is_live),
            assets=-int(status is ApprovalStatus.APPROVED),
        )
        gone = delete(CATALOG, key_of_row(row), "version = :seen", seen=row["version"])
        return try_commit([gone, counted])


class DeliveryRule(_OwnOrNamed):
    """A delivery goes with its labels, supplements and clicks. A held one is its sender's."""

    def need_of(self, kind: RowKind, row: Row, eraser: Eraser) -> Need:
        return Need.REMOVAL if self._is_own(kind, row, eraser) else super().need_of(kind, row, eraser)

    def apply(self, kind: RowKind, row: Row, eraser: Eraser) -> bool:
        if not self._is_own(kind, row, eraser):
            return _redact(kind, row, eraser)
        hanging = [key_of_row(each) for each in query_partition(DELIVERIES, row["pk"], with_ended=True)]
        labels = [key_of_row(each) for each in label_rows(from_row(row))]
        own = key_of_row(row)
        write_all(DELIVERIES, deletes=[*labels, *(each for each in hanging if each != own)])
        return try_commit([delete(DELIVERIES, own)])

    def _is_own(self, kind: RowKind, row: Row, eraser: Eraser) -> bool:
        held = "recipientUserId" not in row and row.get("senderUserId") == eraser.subject.user_id
        return held or eraser.owns(kind, row)


class BulkChangeRule(_OwnOrNamed):
    """A bulk change of an inbox goes with its steps, which name deliveries only."""

    def apply(self, kind: RowKind, row: Row, eraser: Eraser) -> bool:
        if not eraser.owns(kind, row):
            return _redact(kind, row, eraser)
        own = key_of_row(row)
        hanging = [key_of_row(each) for each in query_partition(DELIVERIES, row["pk"], with_ended=True)]
        write_all(DELIVERIES, deletes=[each for each in hanging if each != own])
        return try_commit([delete(DELIVERIES, own)])


class BulkCallRule(_OwnOrNamed):
    """An accepted bulk call no longer has the person among its people, so that its worker passes them over."""

    def apply(self, kind: RowKind, row: Row, eraser: Eraser) -> bool:
        people = [each for each in row["people"] if each != eraser.subject.user_id]
        return _redact(kind, row | {"people": people}, eraser, seen=row)


class TaskRule(_OwnOrNamed):
    """A held event that the person was to decide on goes to the successor, or is rejected."""

    def apply(self, kind: RowKind, row: Row, eraser: Eraser) -> bool:
        if not eraser.owns(kind, row):
            return _redact(kind, row, eraser)
        item = item_from_row(row)
        if item is not None and item.held_delivery_id and row["status"] == "pending_confirmation":
            if eraser.subject.successor_id:
                DynamoQueue().add_once(replace(item, user_id=eraser.subject.successor_id))
            else:
                decided = Moderation(ModerationStatus.REJECTED, timestamp(eraser.now))
                try_commit([decision_update(Decision(item.held_delivery_id, decided))])
        return try_commit([delete(QUEUE_ITEMS, key_of_row(row))])


class ContactRule(_OwnOrNamed):
    """Somebody else's contact keeps its place and its links, and changes with its search entries."""

    def apply(self, kind: RowKind, row: Row, eraser: Eraser) -> bool:
        if eraser.owns(kind, row):
            return try_commit([delete(CONTACTS, key_of_row(row))])
        store = DynamoContacts()
        contact = store.find_contact(row["pk"], row["id"])
        if contact is None:
            return True
        is_person = (contact.email or "").lower() == eraser.subject.email
        redact = partial(eraser.redaction.redact_text, with_name=eraser.redaction.names(row))
        changed = replace(
            contact,
            name=redact(contact.name),
            email=contact.email and redact(contact.email),
            phone=None if is_person else contact.phone,
            company=contact.company and redact(contact.company),
            role=contact.role and redact(contact.role),
            notes=contact.notes and redact(contact.notes),
            tags=contact.tags and redact(contact.tags),
            source=contact.source and redact(contact.source),
            enriched_data=None if is_person else contact.enriched_data and redact(contact.enriched_data),
            index_id=eraser.new_id(),
            version=contact.version + 1,
        )
        return store.save_contact(changed, over=contact, claim=None, reply={})


class ContactEntryRule(_OwnOrNamed):
    """An entry of a search index is derived from its contact, so it is removed."""

    def need_of(self, kind: RowKind, row: Row, eraser: Eraser) -> Need:
        return Need.NOTHING if super().need_of(kind, row, eraser) is Need.NOTHING else Need.REMOVAL

    def apply(self, kind: RowKind, row: Row, eraser: Eraser) -> bool:  # noqa: ARG002 - the rule of others
        return try_commit([delete(CONTACTS, key_of_row(row))])


class ConnectionRule(_OwnOrNamed):
    """A connection ends as if an operator had removed it: its peer is told once, and its worker deletes it."""

    def need_of(self, kind: RowKind, row: Row, eraser: Eraser) -> Need:
        if eraser.owns(kind, row):
            return Need.WAIT if row.get("removed") else Need.REMOVAL
        return super().need_of(kind, row, eraser)

    def apply(self, kind: RowKind, row: Row, eraser: Eraser) -> bool:
        if not eraser.owns(kind, row):
            return _redact(kind, row, eraser)
        eraser.end_connection(row["sk"].partition("#")[2])
        return True


class ConnectionPointerRule(_OwnOrNamed):
    """The rows that lead to a connection go with it. Those of a connection that is gone are removed here."""

    def need_of(self, kind: RowKind, row: Row, eraser: Eraser) -> Need:
        if not eraser.owns(kind, row):
            return super().need_of(kind, row, eraser)
        return Need.WAIT if self._has_connection(row) else Need.REMOVAL

    def apply(self, kind: RowKind, row: Row, eraser: Eraser) -> bool:
        if not eraser.owns(kind, row):
            return _redact(kind, row, eraser)
        return self._has_connection(row) or try_commit([delete(PEERS, key_of_row(row))])

    def _has_connection(self, row: Row) -> bool:
        connection_id = row.get("connectionId") or row["pk"].partition("#")[2]
        return DynamoConnections().find_with_removed(connection_id) is not None


class ReplyRule(_OwnOrNamed):
    """A stored reply is packed."""

    def need_of(self, kind: RowKind, row: Row, eraser: Eraser) -> Need:
        return super().need_of(kind, unpack_reply(row), eraser)

    def apply(self, kind: RowKind, row: Row, eraser: Eraser) -> bool:
        if eraser.owns(kind, row):
            return try_commit([delete(IDEMPOTENCY, key_of_row(row))])
        reply = pack_reply(eraser.redaction.redact(unpack_reply(row))["reply"])
        change = update(
            IDEMPOTENCY, key_of_row(row), "SET reply = :reply", "nonce = :seen", reply=reply, seen=row["nonce"]
        )
        return try_commit([change])


# By the keys of their kinds.
RULES: dict[str, Rule] = {
    "ITEM#* / APPROVAL#{user}": ApprovalRule(),
    "* / DELIVERY": DeliveryRule(),
    "CHANGE#* / JOB": BulkChangeRule(),
    "EVENT#* / CALL#*": BulkCallRule(),
    "{user} / ITEM#*": TaskRule(),
    "{user} / CONTACT#*": ContactRule(),
    "{user} / FIND#*": ContactEntryRule(),
    "{user} / TAG#*": ContactEntryRule(),
    "TOKEN#* / CONNECTION#*": ConnectionRule(),
    "CONNECTION#* / CONNECTION": ConnectionPointerRule(),
    "USER#{user} / PEER#*": ConnectionPointerRule(),
    "*": ReplyRule(),
}


def redact_row(kind: RowKind, row: Row, eraser: Eraser) -> Row:
    """Return a row that names the person no more, and the successor where it named who is responsible."""
    passed = {name: eraser.subject.heir_id for name in kind.passed_on if row.get(name) == eraser.subject.user_id}
    return eraser.redaction.redact(row | passed)


def _redact(kind: RowKind, row: Row, eraser: Eraser, *, seen: Row | None = None) -> bool:
    return replace_row(kind, seen or row, redact_row(kind, row, eraser))


def replace_row(kind: RowKind, seen: Row, changed: Row) -> bool:
    """Store what has changed in a row; False if it is no longer as it was seen, or is gone."""
    names = [name for name in changed if changed[name] != seen.get(name)]
    if key_of_row(seen) != key_of_row(changed):
        return _move_row(kind, seen, changed)
    if not names:
        return True
    aliases = {f"a{place}": name for place, name in enumerate(names)}
    sets = ", ".join(f"#{alias} = :{alias}" for alias in aliases)
    condition = " AND ".join(f"#{alias} = :seen_{alias}" for alias in aliases)
    named = {alias: changed[name] for alias, name in aliases.items()}
    named |= {f"seen_{alias}": seen[name] for alias, name in aliases.items()}
    return try_commit([update(kind.table, key_of_row(seen), f"SET {sets}", condition, aliases, **named)])


def _move_row(kind: RowKind, seen: Row, changed: Row) -> bool:
    """Put a row under a key that names nobody, and delete the former one."""
    names = sorted(name for name in seen if name not in ("pk", "sk"))
    condition = " AND ".join([EXISTS, *(f"#b{place} = :b{place}" for place in range(len(names)))])
    aliases = {f"b{place}": name for place, name in enumerate(names)}
    gone = delete(kind.table, key_of_row(seen), condition, **{alias: seen[name] for alias, name in aliases.items()})
    gone["Delete"]["ExpressionAttributeNames"] = {f"#{alias}": name for alias, name in aliases.items()}
    return try_commit([gone, put(kind.table, changed)])


def unpack_reply(row: Row) -> Row:
    """Return the row of a stored reply with the reply as JSON."""
    if not isinstance(row.get("reply"), bytes):
        return row
    return row | {"reply": json.loads(zlib.decompress(row["reply"]))}
