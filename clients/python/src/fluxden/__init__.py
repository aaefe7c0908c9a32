"""A client of Fluxden."""

from fluxden.desk import Decision, Desk
from fluxden.errors import (
    ApiError,
    ConflictError,
    ConnectionFailedError,
    FluxdenError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    SettingsError,
    UnauthorizedError,
    UnavailableError,
)
from fluxden.version import VERSION

__all__ = [
    "VERSION",
    "ApiError",
    "ConflictError",
    "ConnectionFailedError",
    "Decision",
    "Desk",
    "FluxdenError",
    "ForbiddenError",
    "InvalidRequestError",
    "NotFoundError",
    "RateLimitedError",
    "SettingsError",
    "UnauthorizedError",
    "UnavailableError",
]
