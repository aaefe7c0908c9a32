"""The circumstances of one call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.core.domain.budgets import Window
from chalicelib.core.domain.idempotency import Claim


@dataclass(frozen=True)
class Call:
    """A call's id, its time, and its claim if it has an idempotency key.

    `sealing_key` comes of the caller's own token: what a reply reveals only once is kept under it.
    """

    request_id: str
    now: datetime
    claim: Claim | None = None
    sealing_key: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Sent:
    """A request as it came, which is what signatures cover. Names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    now: datetime
    # Whoever charges the request for itself tells its budget here; the reply then shows it, whatever it is.
    tell: Callable[[Window], None] = field(default=lambda _: None, repr=False)
