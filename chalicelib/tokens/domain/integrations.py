"""Integrations: the personal tokens with which integrators publish to an employee, as the employee sees them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.fields import In, Out, TimeOut, UuidOut, timestamp
from chalicelib.core.domain.severity import Severity


class Disabler(StrEnum):
    """Who disabled a token. A token that an administrator disabled can't be enabled by its employee."""

    EMPLOYEE = "employee"
    ADMIN = "admin"


class IntegrationStatus(StrEnum):
    """Whether the integrator can publish with the token."""

    ACTIVE = "active"
    DISABLED = "disabled"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Integration:
    """An employee's personal token. `daily_limit` counts deliveries per UTC day.

    The previous secret works until `prior_until`. A disabled token without `disabled_by` was disabled before the desk
    kept that; then it was an administrator.
    """

    token_id: str
    integrator: str
    status: TokenStatus
    daily_limit: int
    created_at: str
    use_count: int = 0
    label: str | None = None
    severity_ceiling: Severity | None = None
    moderated: bool = False
    disabled_by: Disabler | None = None
    last_used_at: datetime | None = None
    prior_until: datetime | None = None
    expires_at: datetime | None = None


class IntegrationSwitch(In):
    """Enables or disables an integration."""

    is_active: bool = Field(alias="isActive")


class IntegrationOut(Out):
    """A token with which an integrator publishes to you, without its secret."""

    id: UuidOut
    label: str | None = Field(description="The label that the integrator gave the token.")
    integrator: str = Field(description="The integrator's slug.")
    status: IntegrationStatus
    disabled_by: Disabler | None = Field(
        description="Who disabled it. You can enable what you disabled, not what an administrator disabled."
    )
    created_at: TimeOut
    last_used_at: TimeOut | None = Field(description="The time of the latest call with the token.")
    usage_count: int = Field(ge=0, description="How many calls were made with the token.")
    daily_limit: int = Field(ge=0, description="How many notifications it may deliver per UTC day.")
    severity_ceiling: Severity | None = Field(description="The highest severity that it may publish.")
    moderated: bool = Field(description="Whether its events wait for a person's decision.")
    superseded_until: TimeOut | None = Field(
        description="Until when the previous secret works; null if none does any more."
    )
    expires_at: TimeOut | None


class SwitchedIntegrationOut(Out):
    """The new state of an integration."""

    id: UuidOut
    is_active: bool


def to_response(integration: Integration, *, now: datetime) -> IntegrationOut:
    prior, expires = integration.prior_until, integration.expires_at
    status = IntegrationStatus(integration.status.value)
    if status is IntegrationStatus.ACTIVE and expires and expires <= now:
        status = IntegrationStatus.EXPIRED
    disabled_by = integration.disabled_by or Disabler.ADMIN
    return IntegrationOut(
        id=integration.token_id,
        label=integration.label,
        integrator=integration.integrator,
        status=status,
        disabled_by=disabled_by if status is IntegrationStatus.DISABLED else None,
        created_at=integration.created_at,
        last_used_at=timestamp(integration.last_used_at) if integration.last_used_at else None,
        usage_count=integration.use_count,
        daily_limit=integration.daily_limit,
        severity_ceiling=integration.severity_ceiling,
        moderated=integration.moderated,
        superseded_until=timestamp(prior) if prior and prior > now else None,
        expires_at=timestamp(expires) if expires else None,
    )
