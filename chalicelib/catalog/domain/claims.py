"""Claiming publishing tokens for employees (fluxdesk-v1, tag "tokens")."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from chalicelib.core.domain.fields import Email, In, Omittable, Out, TimeOut, UuidOut
from chalicelib.core.domain.severity import Severity


class ClaimTokenRequest(In):
    """Whose token, and what it may do; what is left out stays as it is, or is the usual for a new one."""

    email: Email
    label: Omittable[Annotated[str, Field(max_length=80)]] = Field(None, description="Shown to the employee.")
    severity_ceiling: Omittable[Severity] = Field(None, description="The most severe event it may publish.")
    daily_limit: Omittable[Annotated[int, Field(ge=1, le=1000)]] = Field(
        None, description="New deliveries a day; 50 for a new token."
    )


class ClaimTokenBatchRequest(In):
    """Up to a hundred claims, each for itself."""

    claims: Annotated[list[ClaimTokenRequest], Field(min_length=1, max_length=100)]


class ClaimedToken(Out):
    """A token, shown this once. Until `expiresPriorAt` the one before it is accepted too."""

    token: str
    token_id: UuidOut
    owner_user_id: UuidOut
    expires_prior_at: TimeOut


class ClaimFailure(StrEnum):
    """Why an employee gets no token."""

    USER_NOT_FOUND = "user_not_found"
    USER_INACTIVE = "user_inactive"
    NO_APPROVED_REQUEST = "no_approved_request"
    TOKEN_DISABLED = "token_disabled"
    DUPLICATE = "duplicate"
    CHANGED_MEANWHILE = "changed_meanwhile"


class ClaimRow(Out):
    """What became of one claim."""

    email: str = Field(json_schema_extra={"format": "email"})
    ok: bool
    token: Omittable[ClaimedToken] = None
    reason: Omittable[ClaimFailure] = None


class ClaimBatchOut(Out):
    """One row a claim, in the order of the request."""

    results: list[ClaimRow]
    request_id: str
