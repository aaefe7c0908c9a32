"""The kinds of caller, with the data of their tokens' rows."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chalicelib.core.domain.person_refs import person_ref
from chalicelib.core.domain.severity import Severity

# The permission of operations that every key may call.
ANY_PERMISSION = "any"


class TokenStatus(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"
    REVOKED = "revoked"


@dataclass(frozen=True)
class PersonalToken:
    """A token with which one integrator publishes to one employee.

    Counters and deliveries belong to the grant, not to the secret, so they survive a rotation. `over_daily_limit` is
    set when the day's deliveries are used up; then only repeats of earlier deliveries are accepted.
    """

    grant_id: str
    integrator: str
    event_prefix: str
    user_id: str
    tools_token_id: str
    tools_owner_id: str
    severity_ceiling: Severity | None
    moderated: bool
    superseded_until: datetime | None = None
    over_daily_limit: bool = False

    @property
    def identity(self) -> str:
        return f"personal/{self.grant_id}"


@dataclass(frozen=True)
class ToolsToken:
    """The token of an integrator."""

    token_id: str
    integrator: str
    event_prefix: str
    owner_id: str
    admin: bool
    superseded_until: datetime | None = None
    over_daily_limit: bool = False

    @property
    def identity(self) -> str:
        return f"tools/{self.integrator}"


@dataclass(frozen=True)
class ApiKey:
    """A person's `dvd_` key with its permissions; the permission `all` includes every other.

    `expires_at` is in epoch seconds, None for a key that never expires.
    """

    key_id: str
    user_id: str
    permissions: frozenset[str]
    name: str = ""
    expires_at: int | None = None

    @property
    def identity(self) -> str:
        return f"user/{self.user_id}"

    def has_permission(self, permission: str) -> bool:
        return permission == ANY_PERMISSION or "all" in self.permissions or permission in self.permissions


@dataclass(frozen=True)
class Session(ApiKey):
    """A person who signed in with a browser: a key of theirs with every permission.

    `key_id` is the session's id, and `token_hash` finds its row. What its person creates with it does not end with it.
    """

    token_hash: str = field(default="", repr=False)


@dataclass(frozen=True)
class PlatformToken:
    """An approved instance, with the token that it got when it registered here."""

    instance_id: str

    @property
    def identity(self) -> str:
        return f"instance/{self.instance_id}"


@dataclass(frozen=True)
class InstanceKey:
    """A key that an instance chose. `holders` are ids of the approved instances, and URLs of our hubs, that have it."""

    key_hash: str
    holders: frozenset[str]

    @property
    def is_of_a_hub(self) -> bool:
        """Whether a hub that this desk has joined has the key."""
        return any("://" in holder for holder in self.holders)

    @property
    def identity(self) -> str:
        return f"instance-key/{','.join(sorted(self.holders))}"


@dataclass(frozen=True)
class ScimToken:
    """The token of a company's directory, which provisions people and groups. It may do nothing else."""

    token_id: str
    name: str
    superseded_until: datetime | None = None

    @property
    def identity(self) -> str:
        return f"scim/{self.token_id}"


Caller = PersonalToken | ToolsToken | ScimToken | ApiKey | PlatformToken | InstanceKey


def name_in_logs(caller: Caller | None) -> str | None:
    """Return who calls for a log line, which outlives the erasure of a person."""
    if isinstance(caller, ApiKey):
        return f"user/{person_ref(caller.user_id)}"
    return caller.identity if caller else None
