"""The search index of contacts, in the table `contacts`.

<user id> / FIND#<text>#<id>#<index id>  place; <text> is the beginning of an ending of a searchable text
<user id> / TAG#<tag>#<id>#<index id>    place

A text that contains a word has an ending that starts with it, so a search reads the beginning of one range of entries.
They name candidates in the order of the list, which is that of their places: the beginnings of the normalised names.
The contacts' own rows decide what matches. Entries of earlier releases have no place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

from chalicelib.board.domain.contacts import Contact, ContactFilter, SearchTerms
from chalicelib.board.stores.card_contacts import contact_key
from chalicelib.core.domain.text import normalize_text
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all, query_partition
from chalicelib.parallel import gather
from chalicelib.resources import CONTACTS

# A search reads so many entries of a text, and of a tag; what they don't name is not found.
MOST_ENTRIES = 5_000
# So many candidates are all read and compared. Of more, those of the page are, and the total counts candidates.
MOST_COMPARED = 200
_FIND, _TAG = "FIND#", "TAG#"
# So many letters of a text or tag are in the key of an index entry; the contact's row decides about the rest.
_INDEXED = 24
_PLACED = 60


@dataclass(frozen=True)
class _Indexed:
    """The contacts that index entries name, with their places, and whether these are all."""

    places: dict[str, str | None]
    is_whole: bool


def find_candidates(user_id: str, wanted: ContactFilter) -> list[tuple[str, str]]:
    """Find the places and ids of contacts that may match, in order.

    Entries stored before the normalization changed are looked up as well.
    """
    texts = dict.fromkeys(text for text in (wanted.text, wanted.former_text) if text)
    lookups = [_text_beginnings(each) for each in texts]
    # In an entry the id follows what is indexed of a tag. So `vip` reads no entry of `vip-2024`.
    tags = [f"{_TAG}{wanted.tag[:_INDEXED]}#"] if wanted.tag else []
    beginnings = dict.fromkeys([*chain(*lookups), *tags])
    read: Sequence[_Indexed] = gather(*(partial(_find_indexed, user_id, each) for each in beginnings))
    found = dict(zip(beginnings, read, strict=True))
    sets = [_union([_intersection([found[each] for each in lookup]) for lookup in lookups])] if lookups else []
    places = _intersection([*sets, *(found[each] for each in tags)]).places
    unknown = [contact_key(user_id, each) for each, place in places.items() if place is None]
    # Many are listed by their ids instead, until `contacts reindex` has rebuilt their entries.
    rows = get_all(CONTACTS, unknown, ("id", "name")) if 0 < len(unknown) <= MOST_COMPARED else []
    named = {row["id"]: _place(row["name"]) for row in rows}
    return sorted((place or named.get(each, ""), each) for each, place in places.items())


def _text_beginnings(text: str) -> list[str]:
    """Return what entries of texts with this text begin with: the beginning and, of a longer one, the end of it."""
    parts = [text] if len(text) <= _INDEXED else [text[:_INDEXED], text[-_INDEXED:].lstrip()]
    return [_FIND + each for each in parts]


def _intersection(sets: Sequence[_Indexed]) -> _Indexed:
    """Return what all of these name. One that is not whole admits everything where another one names the candidates."""
    first, *others = sorted(sets, key=lambda each: (not each.is_whole, len(each.places)))
    ids = set(first.places).intersection(*(each.places for each in others if each.is_whole or not first.is_whole))
    return _Indexed({each: first.places[each] for each in ids}, first.is_whole)


def _union(sets: Sequence[_Indexed]) -> _Indexed:
    places: dict[str, str | None] = {}
    for each in sets:
        places |= {name: place or places.get(name) for name, place in each.places.items()}
    return _Indexed(places, is_whole=all(each.is_whole for each in sets))


def _find_indexed(user_id: str, beginning: str) -> "_Indexed":
    rows = query_partition(CONTACTS, user_id, beginning, ProjectionExpression="sk, place", Limit=MOST_ENTRIES)
    entries = list(islice(rows, MOST_ENTRIES))
    places: dict[str, str | None] = {}
    for row in entries:
        contact_id = row["sk"].rsplit("#", 2)[1]
        places[contact_id] = row.get("place") or places.get(contact_id)
    return _Indexed(places, is_whole=len(entries) < MOST_ENTRIES)


def new_entries(contact: Contact, *further: SearchTerms) -> Iterator[Row]:
    """Yield the index entries of a contact, and those of further terms."""
    terms = (contact.search_terms, *further)
    beginnings = {_FIND + ending[:_INDEXED] for each in terms for ending in each.suffixes()}
    beginnings |= {_TAG + tag[:_INDEXED] for each in terms for tag in each.tags}
    place = _place(contact.name)
    for beginning in sorted(beginnings):
        key = {"pk": contact.user_id, "sk": f"{beginning}#{contact.contact_id}#{contact.index_id}"}
        yield key | {"place": place}


def former_entries(contact: Contact) -> list[Row]:
    """Return the entries that only the former normalization gives the contact."""
    current = {each["sk"] for each in new_entries(contact)}
    both = new_entries(contact, SearchTerms.former(contact.name, contact.email, contact.company))
    return [each for each in both if each["sk"] not in current]


def entry_key(entry: Row) -> Row:
    """Return the key of an index entry."""
    return {"pk": entry["pk"], "sk": entry["sk"]}


def _place(name: str) -> str:
    # Of some names nothing is left. An attribute that is there says that the entry is not of an earlier release.
    return normalize_text(name)[:_PLACED] or " "
