"""What can go wrong, as exceptions: one for each kind of refusal, in the shape of either version of the API."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any


class FluxdenError(Exception):
    """The base of every error of this package."""


class SettingsError(FluxdenError):
    """The URL or the token can't be used. The message never contains the token."""


class ConnectionFailedError(FluxdenError):
    """The desk could not be reached, or its reply was lost. `repeated` is how often the request was sent."""

    def __init__(self, message: str, repeated: int = 1) -> None:
        super().__init__(message)
        self.repeated = repeated


class ApiError(FluxdenError):
    """The desk refused the request.

    `code` is stable, and null in API v2. `fields` has the reasons for each field of an invalid request. `request_id` is
    the id of the request in the logs of the desk. `body` is the whole reply.
    """

    def __init__(self, status: int, body: Any, headers: Mapping[str, str]) -> None:
        document: dict[str, Any] = body if isinstance(body, dict) else {}
        self.status, self.body = status, body
        # `error` in API v2; problem details (RFC 9457) in API v1.
        self.message = str(document.get("error") or document.get("detail") or document.get("title") or _phrase(status))
        self.code: str | None = document.get("code")
        self.fields: dict[str, list[str]] = document.get("fieldErrors") or {}
        self.request_id: str | None = headers.get("x-request-id") or document.get("requestId")
        self.retry_after: str | None = headers.get("retry-after")
        super().__init__(f"{status}: {self.message}")


class InvalidRequestError(ApiError):
    """The request is not valid: 400, 413, 415 or 422."""


class UnauthorizedError(ApiError):
    """The token is missing, unknown or revoked: 401."""


class ForbiddenError(ApiError):
    """The token does not permit this: 403."""


class NotFoundError(ApiError):
    """It does not exist, or not for this token: 404."""


class ConflictError(ApiError):
    """The present state does not allow it, or the idempotency key is in use: 409."""


class RateLimitedError(ApiError):
    """The budget of the minute or the day is used up: 429."""


class UnavailableError(ApiError):
    """The desk is busy or failed: 500 and above."""


_KINDS: dict[int, type[ApiError]] = {
    400: InvalidRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    413: InvalidRequestError,
    415: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitedError,
}


def error_of(status: int, content: bytes, headers: Mapping[str, str]) -> ApiError:
    """Return the error that a reply stands for. What is between desk and client can answer other things than JSON."""
    try:
        body: Any = json.loads(content)
    except ValueError:
        body = content.decode("utf-8", "replace")
    kind = _KINDS.get(status, UnavailableError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ApiError)
    return kind(status, body, {name.lower(): value for name, value in headers.items()})


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"
