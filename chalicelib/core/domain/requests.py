"""A request as operations and gates see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.core.domain.budgets import Window
from chalicelib.core.domain.idempotency import Claim


@dataclass(frozen=True)
class RequestContext:
    """The id and the time of a request, and its claim if it has an idempotency key.

    `sealing_key` derives from the caller's token. It seals the stored copy of a reply that reveals a secret.
    `path` is that of the URL, with what a gateway puts before the desk's own, such as its stage.
    `stream_seconds` is how long the host can keep the reply open, and None behind a gateway that waits for its end.
    `address` is the network address of the caller. `headers` has what a browser says of itself, such as its cookies,
    which nothing verifies; names are in lower case.
    """

    request_id: str
    now: datetime
    claim: Claim | None = None
    sealing_key: bytes | None = field(default=None, repr=False)
    stream_seconds: int | None = None
    address: str | None = None
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class RawRequest:
    """A request as it was received, which is the form that signatures cover. Names of headers are in lower case.

    `address` is the network address of the sender. A gate or an operation that charges the request to a budget that it
    finds itself calls `report_window`; the reply then shows that budget.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    now: datetime
    address: str | None = None
    report_window: Callable[[Window], None] = field(default=lambda _: None, repr=False)
    request_id: str | None = None
