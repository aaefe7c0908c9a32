"""The table `contacts`: each person's contacts and their search index, in one partition.

<user id> / CONTACT#<id>                  the contact's columns, cards (by card id), indexId, version
<user id> / FIND#<text>#<id>#<index id>   <text> is an ending of the contact's searchable text
<user id> / TAG#<tag>#<id>#<index id>
<user id> / COUNTS                        see lists

index order: orderKey = the normalised name, and the id

A text that contains a word has an ending that starts with it, so a search reads one range of FIND rows, and its cost
grows with the number of matches. FIND and TAG rows only name candidates; the contacts' own rows decide what matches.
Entries are written before their contact. A change of the searchable text first writes a new set of entries under a
new index id, and then removes the old set. So no change removes entries of another, and entries that a crash leaves
behind match nothing.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

from botocore.exceptions import ClientError, HTTPClientError

from chalicelib.board.domain.card_contacts import ContactBrief, RemoteMark
from chalicelib.board.domain.contacts import Contact, ContactFilter, SearchTerms
from chalicelib.board.stores.card_contacts import contact_key, link_from_row, links_to_row, unlink_cards_actions
from chalicelib.core.domain.errors import ListFull, Unavailable
from chalicelib.core.domain.idempotency import AlreadyAnswered, Claim, StoredReply
from chalicelib.core.domain.text import normalize_text
from chalicelib.core.ports import Action
from chalicelib.core.stores import lists
from chalicelib.core.stores.actions import assignments, check, delete, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get, get_all, query_partition
from chalicelib.core.stores.writes import Refused, commit, try_commit, write_all
from chalicelib.parallel import gather
from chalicelib.resources import CONTACTS, ORDER_INDEX

log = logging.getLogger("fluxden")


_FIND, _TAG = "FIND#", "TAG#"
# So many letters of a text or tag are in the key of an index entry; the contact's row decides about the rest.
_INDEXED = 24
# A key has at most a kilobyte.
_LONGEST_ORDER = 800
_FACETS = ("contact", "")
_UNCHANGED = "version = :seen"
_BRIEF = ("id", "name", "email", "company", "phone", "role", "tags")
_MATCHED = ("sk", "orderKey", "name", "email", "company", "tags")

_CONTACT = Codec(Contact, without=("contact_id", "user_id", "cards"))


class DynamoContacts:
    def list_contacts(self, user_id: str, *, offset: int, limit: int) -> tuple[list[Contact], int]:
        """List a page of the person's contacts, by name; and count all of them.

        Store calls in sequence: 2; one more for each few thousand contacts of offset.
        """
        counts, sks = gather(
            partial(lists.find_counts, CONTACTS, user_id),
            partial(lists.sort_keys, CONTACTS, ORDER_INDEX, user_id, [""], offset=offset, limit=limit),
        )
        found = [_contact_from_row(row) for row in lists.in_order(CONTACTS, user_id, sks)]
        return found, lists.total(counts, *_FACETS)

    def search_contacts(
        self, user_id: str, wanted: ContactFilter, *, offset: int, limit: int
    ) -> tuple[list[Contact], int]:
        """List a page of the contacts that match the filter, by name; and count all of them.

        Store calls in sequence: 3; one more for each megabyte of matching index entries. The cost grows with the
        number of matches, not with the number of contacts.
        """
        ids = _candidates(user_id, wanted)
        rows = get_all(CONTACTS, [contact_key(user_id, each) for each in ids], _MATCHED) if ids else []
        admitted = sorted((row["orderKey"], row["sk"]) for row in rows if wanted.matches(_search_terms(row)))
        sks = [sk for _, sk in admitted[offset : offset + limit]]
        return [_contact_from_row(row) for row in lists.in_order(CONTACTS, user_id, sks)], len(admitted)

    def find_contact(self, user_id: str, contact_id: str) -> Contact | None:
        """Find one of the person's contacts, read consistently. One store call."""
        row = get(CONTACTS, contact_key(user_id, contact_id))
        return _contact_from_row(row) if row else None

    def find_briefs(self, user_id: str, contact_ids: Iterable[str]) -> dict[str, ContactBrief]:
        """Map ids to briefs of the contacts that exist. One store call per hundred, made at the same time."""
        rows = get_all(
            CONTACTS, [contact_key(user_id, each) for each in sorted(set(contact_ids))], (*_BRIEF, "enrichedData")
        )
        return {row["id"]: _brief_from_row(row) for row in rows}

    def add_contact(self, contact: Contact, *, claim: Claim | None, reply: StoredReply) -> None:
        """Store a new contact. Store calls in sequence: 2.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        write_all(CONTACTS, puts=_entries(contact))
        try:
            commit(_add_actions(contact), claim=claim, reply=reply)
        except (AlreadyAnswered, ListFull):
            _drop_entries(contact)
            raise

    def keep_contact(self, contact: Contact) -> None:
        """Store a contact, unless its id exists. Store calls in sequence: 2."""
        write_all(CONTACTS, puts=_entries(contact))
        try:
            commit(_add_actions(contact))
        except ListFull:
            _drop_entries(contact)
            raise
        except Refused as refused:
            # Where it was stored by an earlier try, its entries are those just written.
            if refused.rows[0].get("indexId") != contact.index_id:
                _drop_entries(contact)

    def save_contact(self, contact: Contact, *, over: Contact, claim: Claim | None, reply: StoredReply) -> bool:
        """Replace `over` by `contact` except for its cards; False if it has changed.

        Store calls in sequence: 1 at most; 3 if its searchable text changes.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        if contact == over:
            unchanged = check(CONTACTS, _key(over), _UNCHANGED, seen=over.version)
            return claim is None or try_commit([unchanged], claim=claim, reply=reply)
        columns, reindexed = _columns(contact), contact.index_id != over.index_id
        change = update(CONTACTS, _key(over), f"SET {assignments(columns)}", _UNCHANGED, **columns, seen=over.version)
        if reindexed:
            write_all(CONTACTS, puts=_entries(contact))
        try:
            commit([change], claim=claim, reply=reply)
        except (AlreadyAnswered, ListFull):
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

    def remove_contact(self, contact: Contact, *, claim: Claim | None, reply: StoredReply) -> bool:
        """Delete a contact and its links to cards; False if it has changed. Store calls in sequence: 2.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        actions = [
            delete(CONTACTS, _key(contact), _UNCHANGED, seen=contact.version),
            lists.count_action(CONTACTS, contact.user_id, taken=[_FACETS]),
            *unlink_cards_actions(contact),
        ]
        removed = try_commit(actions, claim=claim, reply=reply)
        if removed:
            _drop_entries(contact)
        return removed

    def is_indexed(self, contact: Contact) -> bool:
        """Whether the contact has the index entries and the place in the order that it would get today.

        Store calls in sequence: 1.
        """
        row, entries = _key(contact), list(_entries(contact))
        former = _former_entries(contact)
        found = get_all(CONTACTS, [row, *entries, *former], ("sk", "orderKey"))
        kept = {each["sk"]: each.get("orderKey") for each in found}
        order = kept.pop(row["sk"], None)
        return order == _order_key(contact) and kept.keys() == {each["sk"] for each in entries}

    def reindex(self, contact: Contact, *, index_id: str) -> bool:
        """Replace the contact's index entries; False if it has changed. Store calls in sequence: 3."""
        renewed = replace(contact, index_id=index_id, version=contact.version + 1)
        return self.save_contact(renewed, over=contact, claim=None, reply={})


def _add_actions(contact: Contact) -> list[Action]:
    row = _key(contact) | {"id": contact.contact_id, "cards": links_to_row(contact.cards)} | _columns(contact)
    return [put_new(CONTACTS, row), lists.count_action(CONTACTS, contact.user_id, added=[_FACETS])]


def _candidates(user_id: str, wanted: ContactFilter) -> set[str]:
    """Find the contacts that may match. Entries stored before the normalization changed are looked up as well."""
    texts = dict.fromkeys(text[:_INDEXED] for text in (wanted.text, wanted.former_text) if text)
    tags = [wanted.tag[:_INDEXED]] if wanted.tag else []
    beginnings = [_FIND + text for text in texts] + [_TAG + tag for tag in tags]
    found: list[set[str]] = gather(*(partial(_indexed, user_id, each) for each in beginnings))
    by_text, by_tag = set().union(*found[: len(texts)]), found[len(texts) :]
    return by_text.intersection(*by_tag) if texts else by_tag[0]


def _indexed(user_id: str, beginning: str) -> set[str]:
    rows = query_partition(CONTACTS, user_id, beginning, ProjectionExpression="sk")
    return {row["sk"].rsplit("#", 2)[1] for row in rows}


def _entries(contact: Contact, *further: SearchTerms) -> Iterator[Row]:
    terms = (contact.search_terms, *further)
    beginnings = {_FIND + ending[:_INDEXED] for each in terms for ending in each.suffixes()}
    beginnings |= {_TAG + tag[:_INDEXED] for each in terms for tag in each.tags}
    for beginning in sorted(beginnings):
        yield {"pk": contact.user_id, "sk": f"{beginning}#{contact.contact_id}#{contact.index_id}"}


def _former_entries(contact: Contact) -> list[Row]:
    """Return the entries that only the former normalization gives the contact."""
    current = {each["sk"] for each in _entries(contact)}
    both = _entries(contact, SearchTerms.former(contact.name, contact.email, contact.company))
    return [each for each in both if each["sk"] not in current]


def _drop_entries(contact: Contact) -> None:
    # Whatever is left of them finds nothing, so it is no reason to call done undone.
    try:
        write_all(CONTACTS, deletes=[*_entries(contact), *_former_entries(contact)])
    except (ClientError, HTTPClientError, Unavailable):
        log.warning("index entries of a contact are left behind", exc_info=True)


def _key(contact: Contact) -> Row:
    return contact_key(contact.user_id, contact.contact_id)


def _order_key(contact: Contact) -> str:
    # A line feed is in no name as it is searched, and sorts before all that is.
    name = normalize_text(contact.name).encode()[:_LONGEST_ORDER].decode(errors="ignore")
    return f"{name}\n{contact.contact_id}"


def _columns(contact: Contact) -> Row:
    return _CONTACT.to_row(contact) | {"orderKey": _order_key(contact)}


def _search_terms(row: Row) -> SearchTerms:
    return SearchTerms.of(row["name"], row["email"], row["company"], row["tags"])


def _contact_from_row(row: Row) -> Contact:
    cards = {each: link_from_row(link, each, row["id"]) for each, link in row["cards"].items()}
    return _CONTACT.from_row(row, contact_id=row["id"], user_id=row["pk"], cards=cards)


def _brief_from_row(row: Row) -> ContactBrief:
    made = ContactBrief(*(row[name] for name in _BRIEF))
    return replace(made, remote=RemoteMark.of_details(row.get("enrichedData")))
