"""Ports and shapes that several areas share: services depend on them, gateways and stores provide them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.idempotency import Claim, ReplyRecord, StoredReply

J_contra = TypeVar("J_contra", contravariant=True)

# One member of `TransactWriteItems`, by its kind.
Action = dict[str, dict[str, Any]]

# Makes calls at the same time and returns their results in order.
Gather = Callable[..., list[Any]]


@dataclass(frozen=True)
class RelayEnd:
    """The end of a relay from another desk, written with the change that brings it about.

    `actions` are members of that transaction. `announce` starts the delivery of the acknowledgement, and is called
    after the transaction.
    """

    actions: Sequence[Action]
    announce: Callable[[], None]


class JobSender(Protocol[J_contra]):
    """Sends jobs to a queue; raises when the queue does not take them."""

    def send(self, job: J_contra) -> None: ...
    def send_all(self, jobs: Sequence[J_contra]) -> None: ...


class DelayedJobSender(JobSender[J_contra], Protocol[J_contra]):
    """Sends jobs that become visible in `delay` seconds, at most 900."""

    def send(self, job: J_contra, *, delay: int = 0) -> None: ...


class JobAnnouncer(Protocol[J_contra]):
    """Sends jobs whose work is stored; a failure is only logged, and the due index has them announced later."""

    def announce(self, job: J_contra, *, delay: int = 0) -> None: ...
    def announce_all(self, jobs: Sequence[J_contra]) -> None: ...


class Post(Protocol):
    """Sends a POST to another host; its failures are results."""

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str], /) -> HttpResult: ...


class Get(Protocol):
    """Sends a GET to another host; its failures are results."""

    def __call__(self, url: str, headers: Mapping[str, str], /) -> HttpResult: ...


class Replays(Protocol):
    """Keeps the reply of a call with an idempotency key, to be repeated."""

    def find(self, claim: Claim) -> ReplyRecord | None: ...
    def begin(self, claim: Claim) -> str: ...
    def finish(self, claim: Claim, begun: str, *, reply: StoredReply) -> None: ...
    def abandon(self, claim: Claim, begun: str) -> None: ...
    def amend(self, claim: Claim, *, reply: StoredReply) -> None: ...


class SocketCloser(Protocol):
    """Closes a person's sockets, all or those of one key; never fails the caller."""

    def close(self, user_id: str, *, key_id: str | None = None) -> None: ...
