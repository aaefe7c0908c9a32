"""Claims of publishing tokens for employees (v1 "tokens")."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from chalicelib.core.domain.fields import WHOLE, Email, In, Line, Omittable, Out, TimeOut, UuidOut
from chalicelib.core.domain.severity import Severity


class ClaimTokenRequest(In):
    """An employee, and the terms of their token. Members that you leave out keep their values, or get the defaults."""

    email: Email
    label: Omittable[Annotated[Line, Field(max_length=80)]] = Field(None, description="A label that the employee sees.")
    severity_ceiling: Omittable[Severity] = Field(None, description="The highest severity that the token can publish.")
    daily_limit: Omittable[Annotated[int, Field(ge=1, le=1000), WHOLE]] = Field(
        None, description="The number of new deliveries per day. The default is 50."
    )


class ClaimTokenBatchRequest(In):
    """Up to 100 independent claims."""

    claims: Annotated[list[ClaimTokenRequest], Field(min_length=1, max_length=100)]


class ClaimedToken(Out):
    """A token. Its secret is shown once, and the previous secret works until `expiresPriorAt`."""

    token: str
    token_id: UuidOut
    owner_user_id: UuidOut
    expires_prior_at: TimeOut


class ClaimFailure(StrEnum):
    """Reasons why a claim fails."""

    USER_NOT_FOUND = "user_not_found"
    USER_INACTIVE = "user_inactive"
    NO_APPROVED_REQUEST = "no_approved_request"
    TOKEN_DISABLED = "token_disabled"
    DUPLICATE = "duplicate"
    CHANGED_MEANWHILE = "changed_meanwhile"


class ClaimRow(Out):
    """The result of one claim."""

    email: str = Field(json_schema_extra={"format": "email"})
    ok: bool
    token: Omittable[ClaimedToken] = None
    reason: Omittable[ClaimFailure] = None


class ClaimBatchOut(Out):
    """The results, one row per claim, in the order of the request."""

    results: list[ClaimRow]
    request_id: str
