"""The people and companies a person deals with."""

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
    card_in_brief,
    contact_in_brief,
    in_turn,
    shown_link,
)
from chalicelib.core.domain.fields import Email, In, Omittable, Out, TimeOut, UuidOut, not_blank, timestamp
from chalicelib.core.domain.pages import PageQuery, Pagination
from chalicelib.core.domain.search import normalised, tag_of, tags_of

_LONGEST_TAGS = 500
_LONGEST_DATA = 20_000


@dataclass(frozen=True)
class Contact:
    """A contact of one person's.

    `tags` are joined by commas, `enriched_data` is JSON; `cards` are by card id. `index_id` names the index entries
    that find the contact; it changes with what is searched. `version` grows with every change.
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
    def of(cls, given: "ContactIn", *, contact_id: str, index_id: str, user_id: str, now: datetime) -> Self:
        return cls(
            contact_id=contact_id,
            user_id=user_id,
            **given.model_dump(),
            created_at=timestamp(now),
            updated_at=timestamp(now),
            index_id=index_id,
        )

    def patched(self, patch: "ContactPatch", *, index_id: str, now: datetime) -> "Contact":
        """The contact after `patch`, with the `index_id` if it is found by other text; itself when nothing is given."""
        if not patch.model_fields_set:
            return self
        changes = patch.model_dump(exclude_unset=True)
        changed = replace(self, **changes, updated_at=timestamp(now), version=self.version + 1)
        return changed if changed.found_by == self.found_by else replace(changed, index_id=index_id)

    @property
    def found_by(self) -> "FoundBy":
        return FoundBy.of(self.name, self.email, self.company, self.tags)

    @property
    def brief(self) -> ContactBrief:
        return ContactBrief(self.contact_id, self.name, self.email, self.company, self.phone, self.role, self.tags)


@dataclass(frozen=True)
class FoundBy:
    """What a contact is found by: its texts as they are searched, and its tags."""

    texts: tuple[str, ...]
    tags: frozenset[str]

    @classmethod
    def of(cls, name: str, email: str | None, company: str | None, tags: str | None) -> Self:
        return cls(tuple(normalised(text) for text in (name, email, company) if text), tags_of(tags))

    def endings(self) -> Iterator[str]:
        """Every text from every of its places on, where a search may begin: it never does with a space."""
        for text in self.texts:
            yield from (text[place:] for place in range(len(text)) if text[place] != " ")


@dataclass(frozen=True)
class ContactFilter:
    """Which contacts are looked for: text as it is searched, and a tag; empty ones find all."""

    text: str
    tag: str

    def __bool__(self) -> bool:
        return bool(self.text or self.tag)

    def admits(self, contact: FoundBy) -> bool:
        found = not self.text or any(self.text in text for text in contact.texts)
        return found and (not self.tag or self.tag in contact.tags)


def _joined(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if not all(isinstance(each, str) and "," not in each for each in value):
        raise PydanticCustomError("tags", "Must be an array of strings without commas")
    return ",".join(value)


def _json_text(value: Any) -> Any:
    if isinstance(value, dict):
        return to_json(value).decode()
    if isinstance(value, str):
        try:
            from_json(value, allow_inf_nan=False)
        except ValueError as error:
            raise PydanticCustomError("json", "Must be an object, or a string that holds JSON") from error
    return value


_Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(not_blank)]
_Phone = Annotated[str, Field(max_length=50)]
_Company = Annotated[str, Field(max_length=200)]
_Role = Annotated[str, Field(max_length=100)]
_Notes = Annotated[str, Field(max_length=10_000)]
_Source = Annotated[str, Field(max_length=100)]
_Tags = Annotated[
    str,
    BeforeValidator(_joined),
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
_TAGS = f"Tags joined by commas, or an array of them; {_LONGEST_TAGS} characters together."
_DATA = f"Whatever else is known of the contact: an object, or its JSON in a string; {_LONGEST_DATA} characters."


class ContactIn(In):
    """A new contact."""

    name: _Name
    email: Email | None = None
    phone: _Phone | None = None
    company: _Company | None = None
    role: _Role | None = None
    notes: _Notes | None = None
    tags: _Tags | None = Field(None, description=_TAGS)
    source: _Source | None = Field(None, description="Where the contact came from.")
    enriched_data: _Data | None = Field(None, alias="enrichedData", description=_DATA)


class ContactPatch(In):
    """Changes to a contact: members left out stay, null takes a value away."""

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
    """Which contacts to list."""

    search: Omittable[Annotated[str, Field(max_length=200)]] = Field(
        None,
        description="Contacts with this text in their name, e-mail address or company. Case, accents and the number "
        "of spaces between words make no difference.",
    )
    tag: Omittable[Annotated[str, Field(max_length=_LONGEST_TAGS)]] = Field(
        None, description="Contacts with exactly this tag, in any case."
    )

    @property
    def filter(self) -> ContactFilter:
        return ContactFilter(normalised(self.search or ""), tag_of(self.tag or ""))


class ContactOut(Out):
    """A contact with the cards it is linked to, in the order they were linked."""

    id: UuidOut
    user_id: UuidOut
    name: str
    email: str | None
    phone: str | None
    company: str | None
    role: str | None
    notes: str | None
    tags: str | None = Field(description="Joined by commas.")
    source: str | None
    enriched_data: str | None = Field(description="JSON in a string.")
    cards: list[CardContactOut]
    created_at: TimeOut
    updated_at: TimeOut


class ContactPage(Out):
    """A page of contacts."""

    contacts: list[ContactOut]
    pagination: Pagination


def shown_contact(contact: Contact, known: Mapping[str, CardBrief], *, whole: bool) -> ContactOut:
    """The contact with those of its cards that are known, in brief, or somewhat more of them if `whole`."""
    columns: dict[str, Any] = {
        name: getattr(contact, name) for name in ContactOut.model_fields if name not in ("id", "cards")
    }
    itself = contact_in_brief(contact.brief, whole=whole)
    return ContactOut(
        id=contact.contact_id,
        **columns,
        cards=[
            shown_link(link, itself, card_in_brief(known[link.card_id], whole=whole))
            for link in in_turn(contact.cards)
            if link.card_id in known
        ],
    )
