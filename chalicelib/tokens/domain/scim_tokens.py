"""Tokens of directories that provision people and groups by SCIM, as operators see them."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.core.domain.callers import TokenStatus

# A directory has one, and a second one while it is replaced.
MOST_SCIM_TOKENS = 20


@dataclass(frozen=True)
class IssuedScimToken:
    """A SCIM token without its secret. The previous secret works until `prior_until`."""

    token_id: str
    name: str
    status: TokenStatus
    created_at: str
    use_count: int
    last_used_at: datetime | None = None
    last_used_from: str | None = None
    prior_until: datetime | None = None
