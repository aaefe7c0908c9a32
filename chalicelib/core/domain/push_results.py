"""What push services made of push messages about a delivery."""

from dataclasses import dataclass

# How many are kept of one delivery: two for each browser that a person may have.
MOST_RESULTS = 40


@dataclass(frozen=True)
class PushResult:
    """What a push service made of one message; `error` says why it did not take it, and is None if it did."""

    host: str
    at: str
    error: str | None = None
