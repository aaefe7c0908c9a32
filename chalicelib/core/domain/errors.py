"""The refusals. Their HTTP statuses are in edge/problem.

Refusal
├── Invalid                   the input is invalid; has the reasons by field path
├── TooLarge                  the body is too large
├── UnsupportedMediaType      the body is not declared as JSON
├── Unauthorized              the token is missing, malformed or unknown
│   ├── Inactive              the token is known, but disabled, revoked or expired
│   └── Unapproved            the token is known, but its instance is not approved
├── Forbidden                 the caller lacks the permission
│   └── CrossProjectBlocked   sender or recipient is outside the named project
├── NotFound                  it does not exist, or not for this caller
├── MethodNotAllowed          the path exists, the method does not
├── Conflict                  the current state does not allow it
│   ├── IdempotencyConflict   the key was used with another body
│   ├── IdempotencyInProgress the first call under this key is still running
│   ├── ItemInUse             a catalog item has dependents; has their number by kind
│   ├── ListFull              the rows of a list have no more room
│   ├── SlugTaken             another agent of the marketplace has the slug
│   └── SupplementLimit       the delivery has the maximum of supplements
├── PreconditionFailed        it is not in the version that the caller names
├── RateLimited               a budget is used up; has the seconds to wait
└── Unavailable               a store did not answer; the same request may succeed soon
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar


class Refusal(Exception):
    """A request that is refused; `detail` is shown to the caller."""

    code: ClassVar[str]
    title: ClassVar[str]
    retry_after: int | None = None

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    @property
    def extra(self) -> Mapping[str, object]:
        """Additional members of the problem details."""
        return {}


class Invalid(Refusal):
    code = "validation-failed"
    title = "Validation failed"

    def __init__(self, detail: str, fields: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(detail)
        self.fields = {path: list(reasons) for path, reasons in (fields or {}).items()}


class TooLarge(Refusal):
    code = "payload-too-large"
    title = "Payload too large"


class UnsupportedMediaType(Refusal):
    code = "unsupported-media-type"
    title = "Unsupported media type"


class Unauthorized(Refusal):
    code = "unauthorized"
    title = "Unauthorized"


class Inactive(Unauthorized):
    pass


class Unapproved(Unauthorized):
    pass


class Forbidden(Refusal):
    code = "forbidden"
    title = "Forbidden"


class CrossProjectBlocked(Forbidden):
    code = "cross_project_blocked"
    title = "Cross-project delivery blocked"


class NotFound(Refusal):
    code = "not-found"
    title = "Not found"


class MethodNotAllowed(Refusal):
    code = "method-not-allowed"
    title = "Method not allowed"


class Conflict(Refusal):
    code = "conflict"
    title = "Conflict"


class IdempotencyConflict(Conflict):
    code = "idempotency-conflict"
    title = "Idempotency key reused"


class IdempotencyInProgress(Conflict):
    code = "idempotency-in-progress"
    title = "Still in progress"
    retry_after = 1


class SupplementLimit(Conflict):
    code = "supplement-limit"
    title = "Supplement limit reached"


class ListFull(Conflict):
    code = "list-full"
    title = "List full"


class ItemInUse(Conflict):
    code = "catalog-item-in-use"
    title = "Catalog item in use"

    def __init__(self, detail: str, blockers: Mapping[str, int] | None = None) -> None:
        super().__init__(detail)
        self.blockers = dict(blockers or {})

    @property
    def extra(self) -> Mapping[str, object]:
        return {"blockers": self.blockers} if self.blockers else {}


class SlugTaken(Conflict):
    code = "slug-taken"
    title = "Slug taken"


class PreconditionFailed(Refusal):
    code = "precondition-failed"
    title = "Precondition failed"


class RateLimited(Refusal):
    code = "rate-limited"
    title = "Rate limit exceeded"

    def __init__(self, detail: str, *, retry_after: int, resets_at: int | None = None) -> None:
        """Set the seconds to wait; `resets_at` is the end of a period other than the minute, in epoch seconds."""
        super().__init__(detail)
        self.retry_after, self.resets_at = retry_after, resets_at


class Unavailable(Refusal):
    code = "unavailable"
    title = "Temporarily unavailable"
    retry_after = 1
