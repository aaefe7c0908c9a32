"""Endpoints of callbacks: note which fail, pause and resume them, probe those that failures have paused."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Protocol

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.ports import JobAnnouncer
from chalicelib.inbox.domain.callbacks import CallbackJob
from chalicelib.inbox.domain.clicks import Click
from chalicelib.inbox.domain.endpoints import Endpoint, after_failure, probe_after
from chalicelib.inbox.domain.replays import Replay, ReplayJob

log = logging.getLogger("fluxden")

_PROBES_PER_RUN = 100


class Endpoints(Protocol):
    """Stores the endpoints that fail or are paused."""

    def find(self, integrator: str, origin: str) -> Endpoint | None: ...
    def list_of(self, integrator: str | None = None) -> list[Endpoint]: ...
    def count_waiting(self, endpoint: Endpoint) -> int: ...
    def save(self, endpoint: Endpoint, *, over: Endpoint | None) -> bool: ...
    def clear(self, endpoint: Endpoint) -> bool: ...
    def pause(self, endpoint: Endpoint) -> bool: ...
    def resume(self, endpoint: Endpoint, replay: Replay, *, now: datetime) -> bool: ...
    def hold(self, click: Click, endpoint: Endpoint, *, now: datetime) -> bool: ...


class Probes(Protocol):
    """Stores when endpoints are probed."""

    def list_due_probes(self, *, now: datetime, limit: int) -> Sequence[Endpoint]: ...
    def postpone_probe(self, endpoint: Endpoint, *, until: datetime) -> bool: ...
    def find_waiting(self, endpoint: Endpoint) -> CallbackJob | None: ...


@dataclass(frozen=True)
class EndpointWatch:
    """Notes what the attempts of callbacks say about their endpoints."""

    endpoints: Endpoints
    queue: JobAnnouncer[ReplayJob]

    def note_failure(
        self, result: HttpResult, endpoint: Endpoint | None, *, integrator: str, origin: str, now: datetime
    ) -> None:
        """Note a failed attempt: failures for days pause the endpoint. A 410 is about its callback only.

        `endpoint` is what was known before the attempt. Store calls: 1 where something changes.
        """
        if result.error is None or result.status == HTTPStatus.GONE:
            return
        failing = after_failure(endpoint, integrator=integrator, origin=origin, now=now)
        if failing and self.endpoints.save(failing, over=endpoint) and failing.is_paused:
            log.warning("endpoint paused: %s of %s", origin, integrator)

    def note_success(self, endpoint: Endpoint | None, *, now: datetime) -> None:
        """Note a success: it ends failing, and a pause by failures. Store and queue calls: 1 or 2 where it does."""
        if endpoint and endpoint.is_probed:
            resume_endpoint(endpoint, now=now, endpoints=self.endpoints, queue=self.queue)
        elif endpoint and not endpoint.is_paused:
            self.endpoints.clear(endpoint)


def resume_endpoint(
    endpoint: Endpoint, *, now: datetime, endpoints: Endpoints, queue: JobAnnouncer[ReplayJob]
) -> Replay | None:
    """End a pause, and have what waits sent; None if it has ended. Store and queue calls: 2."""
    replay = Replay.of_held(endpoint, now=now)
    if not endpoints.resume(endpoint, replay, now=now):
        return None
    queue.announce(ReplayJob(replay_id=replay.replay_id))
    log.info("endpoint resumed: %s of %s", endpoint.origin, endpoint.integrator)
    return replay


def probe_endpoints(now: datetime, *, probes: Probes, queue: JobAnnouncer[CallbackJob]) -> int:
    """Have the callback that waits longest attempted, at each endpoint whose probe is due; return their number.

    Store and queue calls: 1, and 4 for each endpoint.
    """
    count = 0
    for endpoint in probes.list_due_probes(now=now, limit=_PROBES_PER_RUN):
        # A probe that is announced twice is one attempt; one that is not would be missing for an hour.
        if waiting := probes.find_waiting(endpoint):
            queue.announce(CallbackJob(delivery_id=waiting.delivery_id, index=waiting.index, is_probe=True))
            count += 1
        probes.postpone_probe(endpoint, until=probe_after(endpoint.paused_at or timestamp(now), now=now))
    return count
