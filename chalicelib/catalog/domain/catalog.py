"""The catalog: the items that employees can get access to."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import In, Integer, Line, Omittable, Out, Query, TimeOut, Uuid, UuidOut, timestamp
from chalicelib.core.domain.links import is_sign_in_link

# A row can have up to 400 KB, and some engines count both values of a replaced attribute.
LARGEST_ITEM = 190_000

_SLUG = r"^[a-z0-9][a-z0-9._-]{0,79}$"
_SLUG_TEXT = re.compile(_SLUG.removesuffix("$"))
_ABBREVIATIONS = (
    "AI API CI CD CPU CRM DB DevOps DNS ERP GitHub GitLab GPU HR IAM IDE IT LLM MCP ML QA SaaS SDK SQL SSH SSO UI UX "
    "VM VPN"
)
_SPELLINGS = {word.lower(): word for word in _ABBREVIATIONS.split()}


class AssetType(StrEnum):
    """Kinds of access that an item gives."""

    SAAS_ACCOUNT = "saas_account"
    API_KEY = "api_key"
    SERVER_ACCESS = "server_access"
    REPO_ACCESS = "repo_access"
    AI_SERVER = "ai_server"
    ACCOUNT_RESOURCE = "account_resource"
    OTHER = "other"


@dataclass(frozen=True)
class CatalogItem:
    """An item that employees can get access to.

    `integrator` is the one whose tools token is linked. `integrators` are all that were ever linked, because tokens may
    have been issued for each. Times are RFC 3339 in UTC.
    """

    item_id: str
    slug: str
    name: str
    type: AssetType
    description: str | None
    category: str | None
    url: str | None
    application_guide: str | None
    use_cases: Sequence[Any]
    is_pinned: bool
    approval_required: bool
    display_order: int
    contact_user_id: str | None
    linked_tools_token_id: str | None
    integrator: str | None
    integrators: tuple[str, ...]
    created_at: str
    updated_at: str
    archived_at: str | None = None
    version: int = 1

    @classmethod
    def of(cls, request: "CatalogItemIn", *, item_id: str, integrator: str | None, now: datetime) -> Self:
        return cls(
            item_id=item_id,
            **request.model_dump(),
            integrator=integrator,
            integrators=(integrator,) if integrator else (),
            created_at=timestamp(now),
            updated_at=timestamp(now),
        )

    def patched(self, patch: "CatalogItemPatch", *, integrator: str | None, now: datetime) -> "CatalogItem":
        """Return the item with the patch applied and linked to `integrator`, or the same item if the patch is empty."""
        if not patch.model_fields_set:
            return self
        known = self.integrators if integrator is None else tuple(sorted({*self.integrators, integrator}))
        return replace(
            self,
            **patch.model_dump(exclude_unset=True),
            integrator=integrator,
            integrators=known,
            updated_at=timestamp(now),
            version=self.version + 1,
        )

    def archived(self, *, now: datetime) -> "CatalogItem":
        """Return the item archived, or the same item if it already is."""
        if self.archived_at is not None:
            return self
        return replace(self, archived_at=timestamp(now), updated_at=timestamp(now), version=self.version + 1)


@dataclass(frozen=True)
class ItemEntry:
    """The fields of an item that filters and sorting need."""

    slug: str
    name: str
    type: str
    category: str | None
    display_order: int
    integrator: str | None
    archived: bool

    @property
    def sort_key(self) -> tuple[int, str, str]:
        return self.display_order, self.name, self.slug


@dataclass(frozen=True)
class Blockers:
    """The number of approvals, assets and tokens that depend on an item and keep it from being deleted."""

    approvals: int
    assets: int
    tokens: int = 0

    def __bool__(self) -> bool:
        return bool(self.approvals or self.assets or self.tokens)

    def members(self) -> Mapping[str, int]:
        return {"liveApprovals": self.approvals, "liveAssets": self.assets, "liveTokens": self.tokens}


def _json_numbers(request: list[Any]) -> list[Any]:
    try:
        json.dumps(request, allow_nan=False)
    except ValueError as error:
        raise PydanticCustomError("number", "Must not contain NaN or infinite numbers") from error
    return request


def _immutable(_: object) -> None:
    raise PydanticCustomError("immutable", "immutable")


_Name = Annotated[Line, Field(min_length=1, max_length=200)]
_UseCases = Annotated[list[Any], AfterValidator(_json_numbers)]
_Immutable = Annotated[SkipJsonSchema[Any], BeforeValidator(_immutable)]


def _not_sign_in(text: str) -> str:
    if is_sign_in_link(text):
        raise PydanticCustomError("link", "must not be a sign-in link")
    return text


_Address = Annotated[str, AfterValidator(_not_sign_in)]


class CatalogItemIn(In):
    """A new catalog item."""

    slug: str = Field(
        pattern=_SLUG, description="The permanent name of the item. It stays taken after the item is archived."
    )
    name: _Name
    type: AssetType
    description: str | None = None
    category: Line | None = Field(None, description="A category such as `llm-backend`. `categoryDisplay` is its label.")
    url: _Address | None = None
    application_guide: str | None = Field(None, description="Instructions for access requests.")
    use_cases: _UseCases = Field(default=[], description="Any JSON. It is returned unchanged.")
    display_order: Integer = Field(
        0, description="The position of the item: lower comes first, and equal positions are sorted by name."
    )
    is_pinned: bool = False
    approval_required: bool = Field(default=True, description="Whether access requests wait for a review.")
    contact_user_id: Uuid | None = None
    linked_tools_token_id: Uuid | None = Field(
        None,
        description="A tools token of an integrator. Approvals of the item allow personal tokens of this integrator.",
    )


class CatalogItemPatch(In):
    """Changes to a catalog item. Members that you leave out keep their values, and null clears a value."""

    name: Omittable[_Name] = None
    description: str | None = None
    category: Line | None = None
    url: _Address | None = None
    application_guide: str | None = None
    use_cases: Omittable[_UseCases] = None
    display_order: Omittable[Integer] = None
    is_pinned: Omittable[bool] = None
    approval_required: Omittable[bool] = None
    contact_user_id: Uuid | None = None
    linked_tools_token_id: Uuid | None = None
    slug: _Immutable = None
    type: _Immutable = None


class ItemQuery(Query):
    """Filters the catalog items."""

    active_only: bool = Field(default=True, description="Set to `false` to include archived items.")
    category: Omittable[str] = None
    type: Omittable[AssetType] = None
    integrator_slug: Omittable[str] = Field(None, description="Lists items linked to a tools token of this integrator.")
    limit: int = Field(50, ge=1, le=200)

    def matches(self, entry: ItemEntry) -> bool:
        return (
            not (self.active_only and entry.archived)
            and self.category in (None, entry.category)
            and self.type in (None, entry.type)
            and self.integrator_slug in (None, entry.integrator)
        )


class RemovalQuery(Query):
    """Selects how to delete a catalog item."""

    hard: bool = Field(default=False, description="Set to `true` to delete the item instead of archiving it.")


class CatalogItemOut(Out):
    """A catalog item."""

    model_config = ConfigDict(alias_generator=None)

    id: UuidOut
    # The contract's rows may lack a slug; here every item has one.
    slug: Annotated[str, Field(json_schema_extra={"type": ["string", "null"]})]
    name: Annotated[str, Field(json_schema_extra={"maxLength": 200})]
    type: AssetType
    description: str | None
    category: str | None
    category_display: str = Field(
        serialization_alias="categoryDisplay", description="The label of the category, or an empty string."
    )
    url: str | None
    application_guide: str | None
    use_cases: Sequence[Any]
    is_pinned: bool
    approval_required: bool
    display_order: int
    contact_user_id: UuidOut | None
    linked_tools_token_id: UuidOut | None
    archived_at: TimeOut | None
    created_at: TimeOut
    updated_at: TimeOut


class CatalogItemReply(Out):
    """One catalog item."""

    ok: bool
    item: CatalogItemOut
    request_id: str


class CatalogItemList(Out):
    """Catalog items in display order. `totalCount` counts every item that matches the filters."""

    items: list[CatalogItemOut]
    total_count: int = Field(ge=0)
    request_id: str


class RemovalMode(StrEnum):
    """Whether the item was archived (`soft`) or deleted (`hard`)."""

    SOFT = "soft"
    HARD = "hard"


class CatalogItemRemoved(Out):
    """The result of a deletion. `item` is null if the item was deleted for good."""

    ok: bool
    mode: RemovalMode
    slug: str
    item: CatalogItemOut | None
    already_archived: bool = Field(serialization_alias="already_archived")
    request_id: str


def is_slug(text: str) -> bool:
    return _SLUG_TEXT.fullmatch(text) is not None


def category_display(category: str | None) -> str:
    """Return the label of a category slug, such as "LLM Backend" for `llm-backend`."""
    words = re.split(r"[\s._/-]+", (category or "").strip())
    return " ".join(_SPELLINGS.get(word.lower(), word[:1].upper() + word[1:]) for word in words if word)


def to_response(item: CatalogItem) -> CatalogItemOut:
    """Build the response for an item."""
    return CatalogItemOut(
        id=item.item_id,
        slug=item.slug,
        name=item.name,
        type=item.type,
        description=item.description,
        category=item.category,
        category_display=category_display(item.category),
        url=item.url,
        application_guide=item.application_guide,
        use_cases=item.use_cases,
        is_pinned=item.is_pinned,
        approval_required=item.approval_required,
        display_order=item.display_order,
        contact_user_id=item.contact_user_id,
        linked_tools_token_id=item.linked_tools_token_id,
        archived_at=item.archived_at,
        created_at=item.created_at,
        updated_at=item.updated_at,
    )


def check_size(item: CatalogItem) -> None:
    """Refuse an item that is too large to store.

    Raises:
        Invalid: the JSON of the item exceeds the limit.
    """
    if len(to_response(item).model_dump_json().encode()) > LARGEST_ITEM:
        raise Invalid(f"The item is too large. A catalog item can have up to {LARGEST_ITEM} bytes.")
