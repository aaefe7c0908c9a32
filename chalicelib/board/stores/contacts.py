"""The table `contacts`: each person's contacts, and what finds them, in one partition.

<user id> / CONTACT#<id>                  the contact's columns, cards (by card id), indexId, version
<user id> / FIND#<text>#<id>#<index id>   <text> is what is searched of the contact, from one of its places on
<user id> / TAG#<tag>#<id>#<index id>
<user id> / COUNTS                        see lists

index order: orderKey = the name as it is searched, and the id

A text that contains another has an ending that begins with it, so a search is a range of FIND rows, and costs as much
as there is to find. FIND and TAG rows are entries of an index kept by hand, and say only where to look: what is found
is decided by the contacts' own rows. A contact's entries are complete before it can be seen, and a change to what is
searched makes a new set, under a new index id, before it removes the old one. So no change removes what another has
made, and what a crash leaves behind finds nothing.
"""

import logging
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError

from chalicelib.aws import dynamodb
from chalicelib.board.domain.card_contacts import ContactBrief
from chalicelib.board.domain.contacts import Contact, ContactFilter, FoundBy
from chalicelib.board.stores.card_contacts import as_link, committed, contact_key, link_row, off_cards
from chalicelib.core.domain.errors import Unavailable
from chalicelib.core.domain.idempotency import AlreadyAnswered, Claim
from chalicelib.core.domain.search import normalised
from chalicelib.core.ports import Action
from chalicelib.core.stores import lists
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.core.stores.reads import get_all, query
from chalicelib.core.stores.writes import Refused, commit, write_all
from chalicelib.parallel import together
from chalicelib.resources import CONTACTS, ORDER_INDEX

log = logging.getLogger("fluxden")

Reply = dict[str, Any]

_FIND, _TAG = "FIND#", "TAG#"
# So many letters of a text or tag are in the key of an index entry; the contact's row decides about the rest.
_INDEXED = 24
# A key has at most a kilobyte.
_LONGEST_ORDER = 800
_FACETS = ("contact", "")
_BRIEF = ("id", "name", "email", "company", "phone", "role", "tags")
_MATCHED = ("sk", "orderKey", "name", "email", "company", "tags")


class DynamoContacts:
    def list_contacts(self, user_id: str, *, offset: int, limit: int) -> tuple[list[Contact], int]:
        """A page of the person's contacts, by name; and how many there are.

        Store calls in sequence: 2; one more for each thousands of contacts of offset.
        """
        counts, sks = together(
            partial(lists.find_counts, CONTACTS, user_id),
            partial(lists.sort_keys, CONTACTS, ORDER_INDEX, user_id, [""], offset=offset, limit=limit),
        )
        found = [_contact(row) for row in lists.in_order(CONTACTS, user_id, sks)]
        return found, lists.total(counts, *_FACETS)

    def search_contacts(
        self, user_id: str, wanted: ContactFilter, *, offset: int, limit: int
    ) -> tuple[list[Contact], int]:
        """A page of those that the filter admits, by name; and how many it admits.

        Store calls in sequence: 3; one more for each megabyte of index entries that agree. What is read grows with
        the contacts that are found, not with those that there are.
        """
        ids = _candidates(user_id, wanted)
        rows = get_all(CONTACTS, [contact_key(user_id, each) for each in ids], _MATCHED) if ids else []
        admitted = sorted((row["orderKey"], row["sk"]) for row in rows if wanted.admits(_found_by(row)))
        sks = [sk for _, sk in admitted[offset : offset + limit]]
        return [_contact(row) for row in lists.in_order(CONTACTS, user_id, sks)], len(admitted)

    def find_contact(self, user_id: str, contact_id: str) -> Contact | None:
        """One of the person's contacts, read consistently. One store call."""
        got = dynamodb().get_item(
            TableName=CONTACTS.physical_name, Key=to_item(contact_key(user_id, contact_id)), ConsistentRead=True
        )
        return _contact(from_item(dict(got["Item"]))) if "Item" in got else None

    def find_briefs(self, user_id: str, contact_ids: Iterable[str]) -> dict[str, ContactBrief]:
        """Those of the contacts that exist, in brief, by id. One store call per hundred, made at the same time."""
        rows = get_all(CONTACTS, [contact_key(user_id, each) for each in sorted(set(contact_ids))], _BRIEF)
        return {row["id"]: ContactBrief(*(row[name] for name in _BRIEF)) for row in rows}

    def add_contact(self, contact: Contact, *, claim: Claim | None, reply: Reply) -> None:
        """Store a new contact. Store calls in sequence: 2.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        write_all(CONTACTS, puts=_entries(contact))
        try:
            commit(_added(contact), claim=claim, reply=reply)
        except AlreadyAnswered:
            _drop_entries(contact)
            raise

    def keep_contact(self, contact: Contact) -> None:
        """Store a contact, unless there is one of its id. Store calls in sequence: 2."""
        write_all(CONTACTS, puts=_entries(contact))
        try:
            commit(_added(contact), claim=None, reply={})
        except Refused as refused:
            # Where it was stored by an earlier try, its entries are those just written.
            if refused.rows[0].get("indexId") != contact.index_id:
                _drop_entries(contact)

    def save_contact(self, contact: Contact, *, over: Contact, claim: Claim | None, reply: Reply) -> bool:
        """Replace `over` by `contact`, but for its cards; False when it is no longer as it was.

        Store calls in sequence: 1 at most; 3 when it is found by other text than before.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        if contact == over:
            unchanged: Action = {"ConditionCheck": _unchanged(over)}
            return claim is None or committed([unchanged], claim, reply)
        columns, reindexed = _columns(contact), contact.index_id != over.index_id
        update = _unchanged(over)
        update["UpdateExpression"] = "SET " + ", ".join(f"#{name} = :{name}" for name in columns)
        update["ExpressionAttributeNames"] = {f"#{name}": name for name in columns}
        update["ExpressionAttributeValues"] |= values(**columns)
        update["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if reindexed:
            write_all(CONTACTS, puts=_entries(contact))
        try:
            commit([{"Update": update}], claim=claim, reply=reply)
        except AlreadyAnswered:
            if reindexed:
                _drop_entries(contact)
            raise
        except Refused as refused:
            # Index ids are fresh, so a row met with ours is our own, written by a retry below us.
            if not reindexed:
                return False
            if refused.rows[0].get("indexId") != contact.index_id:
                _drop_entries(contact)
                return False
        if reindexed:
            _drop_entries(over)
        return True

    def remove_contact(self, contact: Contact, *, claim: Claim | None, reply: Reply) -> bool:
        """Delete a contact, and take it off its cards; False when it has changed. Store calls in sequence: 2.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        actions: list[Action] = [
            {"Delete": _unchanged(contact)},
            lists.counting(CONTACTS, contact.user_id, taken=[_FACETS]),
            *off_cards(contact),
        ]
        removed = committed(actions, claim, reply)
        if removed:
            _drop_entries(contact)
        return removed


def _added(contact: Contact) -> list[Action]:
    row = contact_key(contact.user_id, contact.contact_id) | _columns(contact)
    row |= {"id": contact.contact_id, "cards": {each: link_row(link) for each, link in contact.cards.items()}}
    put: Action = {
        "Put": {
            "TableName": CONTACTS.physical_name,
            "Item": to_item(row),
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }
    return [put, lists.counting(CONTACTS, contact.user_id, added=[_FACETS])]


def _candidates(user_id: str, wanted: ContactFilter) -> set[str]:
    beginnings = [_FIND + wanted.text[:_INDEXED]] if wanted.text else []
    beginnings += [_TAG + wanted.tag[:_INDEXED]] if wanted.tag else []
    first, *more = together(*(partial(_indexed, user_id, each) for each in beginnings))
    return set(first).intersection(*more)


def _indexed(user_id: str, beginning: str) -> set[str]:
    rows = query(
        CONTACTS,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :beginning)",
        ExpressionAttributeValues=values(pk=user_id, beginning=beginning),
        ProjectionExpression="sk",
        ConsistentRead=True,
    )
    return {row["sk"].rsplit("#", 2)[1] for row in rows}


def _entries(contact: Contact) -> Iterator[Row]:
    found_by = contact.found_by
    beginnings = {_FIND + ending[:_INDEXED] for ending in found_by.endings()}
    beginnings |= {_TAG + tag[:_INDEXED] for tag in found_by.tags}
    for beginning in sorted(beginnings):
        yield {"pk": contact.user_id, "sk": f"{beginning}#{contact.contact_id}#{contact.index_id}"}


def _drop_entries(contact: Contact) -> None:
    # Whatever is left of them finds nothing, so it is no reason to call done undone.
    try:
        write_all(CONTACTS, deletes=_entries(contact))
    except (ClientError, HTTPClientError, Unavailable):
        log.warning("index entries of a contact are left behind", exc_info=True)


def _unchanged(contact: Contact) -> dict[str, Any]:
    return {
        "TableName": CONTACTS.physical_name,
        "Key": to_item(contact_key(contact.user_id, contact.contact_id)),
        "ConditionExpression": "version = :seen",
        "ExpressionAttributeValues": values(seen=contact.version),
    }


def _order_key(contact: Contact) -> str:
    # A line feed is in no name as it is searched, and sorts before all that is.
    name = normalised(contact.name).encode()[:_LONGEST_ORDER].decode(errors="ignore")
    return f"{name}\n{contact.contact_id}"


def _columns(contact: Contact) -> Row:
    return {
        "name": contact.name,
        "email": contact.email,
        "phone": contact.phone,
        "company": contact.company,
        "role": contact.role,
        "notes": contact.notes,
        "tags": contact.tags,
        "source": contact.source,
        "enrichedData": contact.enriched_data,
        "createdAt": contact.created_at,
        "updatedAt": contact.updated_at,
        "indexId": contact.index_id,
        "version": contact.version,
        "orderKey": _order_key(contact),
    }


def _found_by(row: Row) -> FoundBy:
    return FoundBy.of(row["name"], row["email"], row["company"], row["tags"])


def _contact(row: Row) -> Contact:
    contact_id = row["id"]
    return Contact(
        contact_id=contact_id,
        user_id=row["pk"],
        name=row["name"],
        email=row["email"],
        phone=row["phone"],
        company=row["company"],
        role=row["role"],
        notes=row["notes"],
        tags=row["tags"],
        source=row["source"],
        enriched_data=row["enrichedData"],
        created_at=row["createdAt"],
        updated_at=row["updatedAt"],
        index_id=row["indexId"],
        cards={each: as_link(link, each, contact_id) for each, link in row["cards"].items()},
        version=int(row["version"]),
    )
