"""The table `contacts`: each person's contacts and their search index, in one partition.

<user id> / CONTACT#<id>  the contact's columns, cards (by card id), indexId, version
<user id> / FIND#…, TAG#… see contact_index
<user id> / COUNTS        see lists

index order: orderKey = the normalised name, and the id

Index entries are written before their contact. A change of the searchable text first writes a new set of entries under
a new index id, and then removes the old set. So no change removes entries of another, and entries that a crash leaves
behind match nothing.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from botocore.exceptions import ClientError, HTTPClientError

from chalicelib.board.domain.card_contacts import ContactBrief, RemoteMark
from chalicelib.board.domain.contacts import Contact, ContactFilter, SearchTerms
from chalicelib.board.stores.card_contacts import contact_key, link_from_row, links_to_row, unlink_cards_actions
from chalicelib.board.stores.contact_index import MOST_COMPARED, entry_key, find_candidates, former_entries, new_entries
from chalicelib.core.domain.errors import ListFull, Unavailable
from chalicelib.core.domain.idempotency import AlreadyAnswered, Claim, StoredReply
from chalicelib.core.domain.pages import Listed, PageRequest
from chalicelib.core.domain.text import normalize_text
from chalicelib.core.ports import Action
from chalicelib.core.stores import lists
from chalicelib.core.stores.actions import assignments, check, delete, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get, get_all
from chalicelib.core.stores.writes import Refused, commit, try_commit, write_all
from chalicelib.parallel import gather
from chalicelib.resources import CONTACTS, ORDER_INDEX

log = logging.getLogger("fluxden")

# A key has at most a kilobyte.
_LONGEST_ORDER = 800
_FACETS = ("contact", "")
_UNCHANGED = "version = :seen"
_BRIEF = ("id", "name", "email", "company", "phone", "role", "tags")

_CONTACT = Codec(Contact, without=("contact_id", "user_id", "cards"))


class DynamoContacts:
    def list_contacts(self, user_id: str, page: PageRequest) -> Listed[Contact]:
        """List a page of the person's contacts, by name; and count all of them.

        Store calls in sequence: 2; one more for each few thousand contacts of offset.
        """
        counts, keys = gather(
            partial(lists.find_counts, CONTACTS, user_id),
            partial(lists.page_keys, CONTACTS, ORDER_INDEX, user_id, [""], start=page.start, limit=page.limit),
        )
        return lists.list_rows(CONTACTS, user_id, keys, lists.total(counts, *_FACETS), _contact_from_row)

    def search_contacts(self, user_id: str, wanted: ContactFilter, page: PageRequest) -> Listed[Contact]:
        """List a page of the contacts that match the filter, by name; and count them.

        Among more than 5,000 index entries, further contacts are not found. Of more than 200 candidates, those of the
        page only are compared: the total then counts the others as matches. Store calls in sequence: 2; one more for
        each megabyte of index entries, and for entries of earlier releases.
        """
        candidates = find_candidates(user_id, wanted)
        if len(candidates) <= MOST_COMPARED:
            rows = _matching_rows(user_id, [contact_id for _, contact_id in candidates], wanted)
            candidates = [each for each in candidates if each[1] in rows]
        places = [("\n".join(each), each[1]) for each in candidates]
        if page.start.after is None:
            following = places[page.start.offset :]
        else:
            following = [each for each in places if each[0] > page.start.after]
        chosen, more = following[: page.limit], following[page.limit :]
        if len(candidates) > MOST_COMPARED:
            rows = _matching_rows(user_id, [contact_id for _, contact_id in chosen], wanted)
        found = [(_contact_from_row(rows[each]), place) for place, each in chosen if each in rows]
        return Listed(
            [each for each, _ in found], [place for _, place in found], len(places), chosen[-1][0] if more else None
        )

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
        write_all(CONTACTS, puts=new_entries(contact))
        try:
            commit(_add_actions(contact), claim=claim, reply=reply)
        except (AlreadyAnswered, ListFull):
            _drop_entries(contact)
            raise

    def keep_contact(self, contact: Contact) -> None:
        """Store a contact, unless its id exists. Store calls in sequence: 2."""
        write_all(CONTACTS, puts=new_entries(contact))
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
            write_all(CONTACTS, puts=new_entries(contact))
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
        row, entries = _key(contact), list(new_entries(contact))
        former = former_entries(contact)
        keys = [row, *map(entry_key, entries), *map(entry_key, former)]
        found = get_all(CONTACTS, keys, ("sk", "orderKey", "place"))
        kept = {each["sk"]: each.get("orderKey") or each.get("place") for each in found}
        order = kept.pop(row["sk"], None)
        return order == _order_key(contact) and kept == {each["sk"]: each.get("place") for each in entries}

    def reindex(self, contact: Contact, *, index_id: str) -> bool:
        """Replace the contact's index entries; False if it has changed. Store calls in sequence: 3."""
        renewed = replace(contact, index_id=index_id, version=contact.version + 1)
        return self.save_contact(renewed, over=contact, claim=None, reply={})


def _add_actions(contact: Contact) -> list[Action]:
    row = _key(contact) | {"id": contact.contact_id, "cards": links_to_row(contact.cards)} | _columns(contact)
    return [put_new(CONTACTS, row), lists.count_action(CONTACTS, contact.user_id, added=[_FACETS])]


def _matching_rows(user_id: str, ids: Sequence[str], wanted: ContactFilter) -> dict[str, Row]:
    rows = get_all(CONTACTS, [contact_key(user_id, each) for each in ids]) if ids else []
    return {row["id"]: row for row in rows if wanted.matches(_search_terms(row))}


def _drop_entries(contact: Contact) -> None:
    # Whatever is left of them finds nothing, so it is no reason to call done undone.
    try:
        write_all(CONTACTS, deletes=map(entry_key, (*new_entries(contact), *former_entries(contact))))
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
