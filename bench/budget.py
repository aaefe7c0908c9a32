"""Rate-limit headers for the frameworks that we compare with."""

from chalicelib.tokens.domain.tokens import Admission


def budget_headers(admission: Admission) -> dict[str, str]:
    """Return the three rate-limit headers."""
    window = admission.window
    return {
        "X-RateLimit-Limit": str(window.limit),
        "X-RateLimit-Remaining": str(window.remaining),
        "X-RateLimit-Reset": str(window.reset),
    }
