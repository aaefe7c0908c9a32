"""The circumstances of one call."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.idempotency import Claim


@dataclass(frozen=True)
class Call:
    """A call's id, its time, and its claim if it has an idempotency key."""

    request_id: str
    now: datetime
    claim: Claim | None = None
