"""What a reply says of its caller's budget, for those who are measured beside us."""

from chalicelib.tokens.domain.tokens import Admission


def told_of(admission: Admission) -> dict[str, str]:
    """The three headers."""
    window = admission.window
    return {
        "X-RateLimit-Limit": str(window.limit),
        "X-RateLimit-Remaining": str(window.remaining),
        "X-RateLimit-Reset": str(window.reset),
    }
