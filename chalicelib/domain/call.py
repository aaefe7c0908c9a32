"""The circumstances of one call."""

from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.domain.idempotency import Claim


@dataclass(frozen=True)
class Call:
    """A call's id, its time, and its claim if it has an idempotency key.

    `sealing_key` comes of the caller's own token: what a reply reveals only once is kept under it.
    """

    request_id: str
    now: datetime
    claim: Claim | None = None
    sealing_key: bytes | None = field(default=None, repr=False)
