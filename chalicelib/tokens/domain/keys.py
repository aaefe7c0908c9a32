"""A person's API keys: requests and responses."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import In, Line, Omittable, Out, Query, TimeOut, UuidOut, timestamp

ALL: Literal["all"] = "all"
_MOST_DAYS = 36_500
_SECONDS_PER_DAY = 24 * 3600
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Area(StrEnum):
    """A permission that a key can have; each operation declares the one it needs."""

    QUEUE = "queue"
    CHAT = "chat"
    KANBAN = "kanban"
    CONTACTS = "contacts"
    INBOX = "inbox"
    A2A = "a2a"
    MCP = "mcp"


@dataclass(frozen=True)
class Key:
    """A `dvd_` key as its owner sees it; `prefix` is its visible beginning.

    `created_by` is the id of the key that made it, None if it was an operator, or somebody
    who had signed in. `last_used_from` is a network address.
    """

    key_id: str
    user_id: str
    name: str
    prefix: str
    permissions: frozenset[str]
    active: bool
    expires_at: datetime | None
    last_used_at: datetime | None
    usage_count: int
    created_at: str
    created_by: str | None = None
    last_used_from: str | None = None


def _check_permissions(value: Any) -> Any:
    if value == ALL or (isinstance(value, list) and value and all(each in list(Area) for each in value)):
        return value
    raise PydanticCustomError("areas", 'Must be "all" or a non-empty array of {areas}', {"areas": ", ".join(Area)})


Permissions = Annotated[
    Literal["all"] | Annotated[list[Area], Field(min_length=1)], BeforeValidator(_check_permissions)
]


class KeyIn(In):
    """A new key."""

    name: Line = Field(min_length=1, max_length=100, description="A name to recognise the key by.")
    permissions: Permissions = Field(
        ALL,
        description="`all`, or a list of permissions. Only a key with `all` can manage keys.",
    )
    expires_in_days: Omittable[Annotated[float, Field(gt=0, le=_MOST_DAYS, allow_inf_nan=False)]] = Field(
        None,
        alias="expiresInDays",
        description="The number of days until the key expires, with fractions. Without it the key never expires.",
    )

    @property
    def permission_set(self) -> frozenset[str]:
        return frozenset([self.permissions] if isinstance(self.permissions, str) else map(str, self.permissions))

    def expires_at(self, now: datetime, latest: int | None = None) -> datetime | None:
        """The time when the key expires, rounded up to a whole second.

        `latest`, in epoch seconds, is the latest possible end, and the end of a key without `expiresInDays`.

        Raises:
            Invalid: the key would live beyond `latest`.
        """
        if self.expires_in_days is None:
            return _EPOCH + timedelta(seconds=latest) if latest else None
        seconds = math.ceil(now.timestamp() + self.expires_in_days * _SECONDS_PER_DAY)
        if latest and seconds > latest:
            last = timestamp(_EPOCH + timedelta(seconds=latest))
            reason = f"A key can't outlive the key that creates it, which expires at {last}."
            raise Invalid(reason, {"expiresInDays": [reason]})
        return _EPOCH + timedelta(seconds=seconds)


class KeySwitch(In):
    """Enables or disables a key."""

    id: str = Field(min_length=1, max_length=100)
    is_active: bool = Field(alias="isActive")


class KeyQuery(Query):
    """The key to delete."""

    id: str = Field(min_length=1, max_length=100)


class KeyOut(Out):
    """A key without its secret."""

    id: UuidOut
    name: str
    key_prefix: str
    permissions: Literal["all"] | list[Area]
    is_active: bool
    expires_at: TimeOut | None
    last_used_at: TimeOut | None
    last_used_from: str | None = Field(description="The network address of the last call.")
    usage_count: int
    created_at: TimeOut
    created_by: UuidOut | None = Field(
        description="The key that created this one; null if an operator or a signed-in person did."
    )


class NewKeyOut(Out):
    """A new key; `key` is shown only once."""

    id: UuidOut
    name: str
    key: str
    key_prefix: str
    permissions: Literal["all"] | list[Area]
    expires_at: TimeOut | None
    created_at: TimeOut


class SwitchedOut(Out):
    """The new state of a key."""

    id: UuidOut
    is_active: bool


def to_permissions(permissions: frozenset[str]) -> Any:
    """Convert permissions to their JSON value: `all`, or a list in a fixed order."""
    return ALL if ALL in permissions else [area for area in Area if area in permissions]


def to_response(key: Key) -> KeyOut:
    return KeyOut(
        id=key.key_id,
        name=key.name,
        key_prefix=key.prefix,
        permissions=to_permissions(key.permissions),
        is_active=key.active,
        expires_at=timestamp(key.expires_at) if key.expires_at else None,
        last_used_at=timestamp(key.last_used_at) if key.last_used_at else None,
        last_used_from=key.last_used_from,
        usage_count=key.usage_count,
        created_at=key.created_at,
        created_by=key.created_by,
    )
