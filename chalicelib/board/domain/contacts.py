"""Contacts: the people and companies that a person works with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError, from_json, to_json

from chalicelib.board.domain.card_contacts import (
    CardBrief,
    CardContact,
    CardContactOut,
    ContactBrief,
    RemoteMark,
    sorted_links,
    to_link_response,
    to_linked_card_response,
    to_linked_contact_response,
)
from chalicelib.core.domain.fields import (
    Email,
    In,
    Line,
    Omittable,
    Out,
    TimeOut,
    UuidOut,
    one_line,
    timestamp,
)
from chalicelib.core.domain.pages import Cursor, CursorPagination, PageQuery
from chalicelib.core.domain.text import former_normalized_text, normalize_tag, normalize_text, split_tags

_LONGEST_TAGS = 500
_LONGEST_DATA = 20_000


@dataclass(frozen=True)
class Contact:
    """A contact of one person's.

    `tags` are joined by commas, and `enriched_data` is JSON as text. `cards` maps card ids to links. `index_id` names
    the contact's search entries, and changes with its search terms. `version` grows with every change.
    """

    contact_id: str
    user_id: str
    name: str
    email: str | None
    phone: str | None
    company: str | None
    role: str | None
    notes: str | None
    tags: str | None
    source: str | None
    enriched_data: str | None
    created_at: str
    updated_at: str
    index_id: str
    cards: Mapping[str, CardContact] = field(default_factory=dict)
    version: int = 1

    @classmethod
    def of(cls, request: "ContactIn", *, contact_id: str, index_id: str, user_id: str, now: datetime) -> Self:
        return cls(
            contact_id=contact_id,
            user_id=user_id,
            **request.model_dump(),
            created_at=timestamp(now),
            updated_at=timestamp(now),
            index_id=index_id,
        )

    def patched(self, patch: "ContactPatch", *, index_id: str, now: datetime) -> "Contact":
        """Return the contact with the patch applied, or the same contact if the patch is empty.

        It gets the new `index_id` if its search terms change.
        """
        if not patch.model_fields_set:
            return self
        changes = patch.model_dump(exclude_unset=True)
        changed = replace(self, **changes, updated_at=timestamp(now), version=self.version + 1)
        return changed if changed.search_terms == self.search_terms else replace(changed, index_id=index_id)

    @property
    def search_terms(self) -> "SearchTerms":
        return SearchTerms.of(self.name, self.email, self.company, self.tags)

    @property
    def brief(self) -> ContactBrief:
        remote = RemoteMark.of_details(self.enriched_data)
        return ContactBrief(
            self.contact_id, self.name, self.email, self.company, self.phone, self.role, self.tags, remote
        )


# The number of characters that are searched. Texts only get longer by letters that decompose to whole phrases.
_LONGEST_TEXT = 400


@dataclass(frozen=True)
class SearchTerms:
    """The terms that find a contact: its normalised texts, and its tags."""

    texts: tuple[str, ...]
    tags: frozenset[str]

    @classmethod
    def of(cls, name: str, email: str | None, company: str | None, tags: str | None) -> Self:
        texts = (normalize_text(text)[:_LONGEST_TEXT] for text in (name, email, company) if text)
        return cls(tuple(texts), split_tags(tags))

    @classmethod
    def former(cls, name: str, email: str | None, company: str | None) -> Self:
        """Return the texts as search entries had them before their normalization changed."""
        return cls(tuple(former_normalized_text(text) for text in (name, email, company) if text), frozenset())

    def suffixes(self) -> Iterator[str]:
        """Yield every suffix of every text that does not start with a space, because a search never does."""
        for text in self.texts:
            yield from (text[place:] for place in range(len(text)) if text[place] != " ")


@dataclass(frozen=True)
class ContactFilter:
    """A search for contacts by normalised text and by tag. Empty values match all contacts.

    `former_text` is the text as entries stored before November 2026 have it.
    """

    text: str
    tag: str
    former_text: str = ""

    def __bool__(self) -> bool:
        return bool(self.text or self.tag)

    def matches(self, contact: SearchTerms) -> bool:
        found = not self.text or any(self.text in text for text in contact.texts)
        return found and (not self.tag or self.tag in contact.tags)


def _joined(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if not all(isinstance(each, str) and "," not in each for each in value):
        raise PydanticCustomError("tags", "Must be an array of strings without commas")
    return ",".join(value)


def _tag_lines(joined: str) -> str:
    # Blank tags are left out later, so they are no error as a blank line is.
    one_line(f",{joined}")
    for tag in filter(str.strip, joined.split(",")):
        one_line(tag)
    return joined


def _json_text(value: Any) -> Any:
    if isinstance(value, dict):
        return to_json(value).decode()
    if isinstance(value, str):
        try:
            from_json(value, allow_inf_nan=False)
        except ValueError as error:
            raise PydanticCustomError("json", "Must be an object, or JSON as a string") from error
    return value


_Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(one_line)]
_Phone = Annotated[Line, Field(max_length=50)]
_Company = Annotated[Line, Field(max_length=200)]
_Role = Annotated[Line, Field(max_length=100)]
_Notes = Annotated[str, Field(max_length=10_000)]
_Source = Annotated[Line, Field(max_length=100)]
_Tags = Annotated[
    str,
    BeforeValidator(_joined),
    AfterValidator(_tag_lines),
    Field(max_length=_LONGEST_TAGS),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "maxLength": _LONGEST_TAGS},
                {"type": "array", "items": {"type": "string", "pattern": "^[^,]*$"}},
            ]
        },
        mode="validation",
    ),
]
_Data = Annotated[
    str,
    BeforeValidator(_json_text),
    Field(max_length=_LONGEST_DATA),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "maxLength": _LONGEST_DATA}, {"type": "object"}]},
        mode="validation",
    ),
]
_TAGS = f"Tags joined by commas, or an array of tags, with up to {_LONGEST_TAGS} characters in total."
_DATA = f"Further data about the contact: an object, or JSON as a string, with up to {_LONGEST_DATA} characters."


class ContactIn(In):
    """A new contact."""

    name: _Name
    email: Email | None = None
    phone: _Phone | None = None
    company: _Company | None = None
    role: _Role | None = None
    notes: _Notes | None = None
    tags: _Tags | None = Field(None, description=_TAGS)
    source: _Source | None = Field(None, description="The origin of the contact.")
    enriched_data: _Data | None = Field(None, alias="enrichedData", description=_DATA)


class ContactPatch(In):
    """Changes to a contact. Members that you leave out keep their values, and null clears a value."""

    name: Omittable[_Name] = None
    email: Email | None = None
    phone: _Phone | None = None
    company: _Company | None = None
    role: _Role | None = None
    notes: _Notes | None = None
    tags: _Tags | None = Field(None, description=_TAGS)
    source: _Source | None = None
    enriched_data: _Data | None = Field(None, alias="enrichedData", description=_DATA)


class ContactQuery(PageQuery):
    """Filters and selects a page of contacts."""

    search: Omittable[Annotated[str, Field(max_length=200)]] = Field(
        None,
        description="Lists contacts with this text in their name, email address or company. Case, accents and repeated "
        "spaces are ignored. A search reads up to 5,000 entries of the index, which name a thousand contacts or more. "
        "Among more than 200 matches, `total` may count contacts that changed just now.",
    )
    tag: Omittable[Annotated[str, Field(max_length=_LONGEST_TAGS)]] = Field(
        None, description="Lists contacts with exactly this tag. Case is ignored."
    )

    cursor: Cursor = None

    @property
    def filter(self) -> ContactFilter:
        text, former = normalize_text(self.search or "")[:_LONGEST_TEXT], former_normalized_text(self.search or "")
        return ContactFilter(text, normalize_tag(self.tag or ""), former if text else "")


class ContactOut(Out):
    """A contact with its cards, sorted by the time they were linked."""

    id: UuidOut
    user_id: UuidOut
    name: str
    email: str | None
    phone: str | None
    company: str | None
    role: str | None
    notes: str | None
    tags: str | None = Field(description="Tags, joined by commas.")
    source: str | None
    enriched_data: str | None = Field(description="JSON as a string.")
    cards: list[CardContactOut]
    created_at: TimeOut
    updated_at: TimeOut


class ContactPage(Out):
    """A page of contacts."""

    contacts: list[ContactOut]
    pagination: CursorPagination


def to_contact_response(contact: Contact, known: Mapping[str, CardBrief], *, whole: bool) -> ContactOut:
    """Build the response for a contact. Cards missing from `known` are left out; `whole` adds details to the others."""
    columns: dict[str, Any] = {
        name: getattr(contact, name) for name in ContactOut.model_fields if name not in ("id", "cards")
    }
    itself = to_linked_contact_response(contact.brief, whole=whole)
    return ContactOut(
        id=contact.contact_id,
        **columns,
        cards=[
            to_link_response(link, itself, to_linked_card_response(known[link.card_id], whole=whole))
            for link in sorted_links(contact.cards)
            if link.card_id in known
        ],
    )
