"""Tools tokens as administrators create, rotate and revoke them."""

from datetime import datetime

from pydantic import Field

from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.fields import Address, In, Out, TimeOut, UuidOut, timestamp
from chalicelib.people.domain.directory import Person
from chalicelib.tokens.domain.tokens import IssuedToken


class ToolsTokenIn(In):
    """A new tools token."""

    integrator: str = Field(min_length=1, max_length=60, description="The slug of the integrator.")
    owner: Address = Field(description="The address of the employee responsible for the token.")
    admin: bool = Field(default=False, description="Whether the token can list integrators and manage the catalog.")


class RotationIn(In):
    """Options of a rotation."""

    at_once: bool = Field(
        default=False,
        alias="atOnce",
        description="End the previous secret now instead of in 24 hours, for example after a leak.",
    )


class ToolsTokenOut(Out):
    """A tools token without its secret. The previous secret works until `priorUntil`."""

    id: UuidOut
    integrator: str
    owner_email: str | None
    admin: bool
    status: TokenStatus
    daily_limit: int
    created_at: TimeOut
    last_used_at: TimeOut | None
    use_count: int
    prior_until: TimeOut | None


class NewSecretOut(Out):
    """The secret of a token, shown once. The previous secret works until `priorUntil`, null if there is none."""

    id: UuidOut
    token: str
    prior_until: TimeOut | None


class RevokedOut(Out):
    """A revoked token."""

    id: UuidOut
    status: TokenStatus


def to_tools_token_response(token: IssuedToken, owner: Person | None, *, now: datetime) -> ToolsTokenOut:
    prior = token.prior_until if token.prior_until and token.prior_until > now else None
    return ToolsTokenOut(
        id=token.token_id,
        integrator=token.integrator,
        owner_email=owner.email if owner else None,
        admin=token.admin,
        status=token.status,
        daily_limit=token.daily_limit,
        created_at=token.created_at,
        last_used_at=timestamp(token.last_used_at) if token.last_used_at else None,
        use_count=token.use_count,
        prior_until=timestamp(prior) if prior else None,
    )
