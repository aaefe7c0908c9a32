"""Call an operation under a fault, and retry as a client would. The rows must be as if nothing had failed."""

import itertools
import os
import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeVar

import time_machine

from chalicelib.edge.route import Route
from chalicelib.resources import AUDIT, IDEMPOTENCY, SOCKETS
from tests.support.api import Answer, Api
from tests.support.engine_state import Snapshot, take_snapshot
from tests.support.faults import (
    PASSING,
    Fault,
    Killed,
    Plan,
    fail_every_first_attempt,
    fault_at,
    inject_faults,
    no_fault,
    outage_from,
)
from tests.support.sample_data import SampleRequest
from tests.support.stored_rows import normalize_row, read_rows

# Frames follow an effect. A function that ends early may leave them out.
SIDE_TABLES = (IDEMPOTENCY, SOCKETS)
IDEMPOTENCY_KEY = "the-client's-own-key"
# Each row is an effect of its own. A repeat without a key may repeat some of them.
BATCH_OPERATIONS = ("claim_tokens", "publish_bulk", "run_scim_bulk", "sync_agents")
# They wait for messages by the clock.
WAITING_OPERATIONS = ("redrive_dead_letters",)

# `make chaos SWEEP=whole` runs every fault at every call. Tests run a sample, chosen by the seed.
WHOLE = os.environ.get("SWEEP") == "whole"
SEED = os.environ.get("SWEEP_SEED", "1")

_numbers = itertools.count()
T = TypeVar("T")


@dataclass(frozen=True)
class FaultPoint:
    """A fault at attempt `number`, or from it on if it `lasts`. With 0, the first attempt of every call fails."""

    fault: Fault
    number: int = 0
    lasts: bool = False

    def plan(self, calls: int) -> Plan:
        if self.fault is Fault.LAGGING:
            return lambda *_: self.fault
        if not self.number:
            return fail_every_first_attempt(self.fault, calls)
        return outage_from(self.number, self.fault) if self.lasts else fault_at(self.number, self.fault)


@dataclass
class FaultSweep:
    """An operation's request, with the snapshot that it is valid for."""

    api: Api
    route: Route
    request: SampleRequest
    before: Snapshot
    now: datetime
    _plain: dict[str, str] = field(default_factory=dict)
    _once: dict[str | None, list[str]] = field(default_factory=dict)

    @cached_property
    def known(self) -> str:
        self.before.restore()
        return "".join(read_rows().values())

    def state(self) -> list[str]:
        """Return the stored rows without values that differ between runs."""
        # A message stays hidden if the response that had it is lost, and the audit says that none was sent.
        hidden = (AUDIT,) if self.route.__name__ in WAITING_OPERATIONS else ()
        found = list(read_rows(besides=(*SIDE_TABLES, *hidden)).values())
        for row in found:
            # Cached, because most rows are the same in every run.
            if row not in self._plain:
                self._plain[row] = normalize_row(row, self.known)
        return sorted(self._plain[row] for row in found)

    @cached_property
    def attempts(self) -> int:
        self.before.restore()
        with inject_faults(no_fault) as faults:
            self.call(IDEMPOTENCY_KEY)
        return len(faults.attempts)

    def once(self, key: str | None) -> list[str]:
        """Return the state after one request without faults."""
        if key not in self._once:
            self.before.restore()
            reply = self.call(key)
            assert reply.status == self.route.status, reply.text
            self._once[key] = self.state()
        return self._once[key]

    @cached_property
    def twice(self) -> list[str]:
        """Return the state after two requests without faults."""
        self.before.restore()
        for _ in range(2):
            self.call(None)
        return self.state()

    @property
    def key(self) -> str | None:
        return IDEMPOTENCY_KEY if self.route.replay else None

    def call(self, key: str | None) -> Answer:
        with time_machine.travel(self.now, tick=self.route.__name__ in WAITING_OPERATIONS), plain_nonces():
            return self.request.send(self.api, self.route, key=key if self.route.replay else None)

    def passing(self) -> Iterator[FaultPoint]:
        """Return the faults that a retry of the SDK overcomes, at every call."""
        return (FaultPoint(fault) for fault in PASSING)

    def lasting(self) -> Iterator[FaultPoint]:
        """Return the faults that end the request, at each call."""
        for number in range(1, self.attempts + 1):
            yield FaultPoint(Fault.KILLED, number)
            yield FaultPoint(Fault.KILLED_BEFORE, number)
            yield FaultPoint(Fault.LOST, number, lasts=True)
            yield FaultPoint(Fault.TIMED_OUT, number, lasts=True)

    def check(self, point: FaultPoint, *, keyed: bool) -> None:
        """Send the request under the fault, and again if it failed. Compare the state with a run without faults.

        With an idempotency key there is one effect and one response. Without a key the effect may happen twice, but
        never in part.
        """
        key = self.key if keyed else None
        once = self.once(key)
        accepted = [once] if key or point in set(self.passing()) else [once, self.twice]
        # Counting the attempts makes the request, so it comes before the restore.
        plan = point.plan(self.attempts)
        self.before.restore()
        reply: Answer | None = None
        with inject_faults(plan):
            try:
                reply = self.call(key)
            except Killed:
                assert point.fault.ends_function
        if reply is None or reply.status >= 500:
            assert point.lasts or point.fault.ends_function, (
                point,
                "a fault that a retry overcomes failed the request",
                reply,
            )
            again = self.call(key)
            assert again.status < 500, (point, again.text)
            assert key is None or again.status == self.route.status, (point, again.text)
            reply = again
        else:
            assert reply.status == self.route.status, (point, reply.text)
        stored = self.state()
        if self.route.__name__ in BATCH_OPERATIONS and not key:
            assert set(stored) <= {*once, *self.twice}, (point, reply, *difference(stored, once))
        elif stored not in accepted:
            extra, missing = difference(stored, once)
            # Search entries are written before their contact, and have no effect without it.
            assert not missing and all("('sk', 'FIND#" in each for each in extra), (point, reply, extra, missing)
        if key:
            replay = self.call(key)
            assert (replay.status, replay.text) == (reply.status, reply.text), point
            assert replay.headers["idempotent-replayed"] == "true", point
            assert self.state() == stored, point


@contextmanager
def plain_nonces() -> Iterator[None]:
    """Make random nonces recognisable, so that rows of two runs can be compared."""
    real = secrets.token_urlsafe
    secrets.token_urlsafe = lambda *_: f"n0nce-{next(_numbers):06}"
    try:
        yield
    finally:
        secrets.token_urlsafe = real


def difference(found: list[str], wanted: list[str]) -> tuple[list[str], list[str]]:
    """Return the unexpected and the missing rows."""
    extra, missing = list(found), []
    for each in wanted:
        if each in extra:
            extra.remove(each)
        else:
            missing.append(each)
    return extra, missing


def prepare_sweep(api: Api, route: Route, request: SampleRequest) -> FaultSweep:
    return FaultSweep(api, route, request, take_snapshot(), datetime.now(UTC))


def sample(found: list[T], count: int, name: str) -> list[T]:
    """Return a sample by the seed, or all in a whole sweep."""
    return found if WHOLE else random.Random(f"{SEED} {name}").sample(found, min(count, len(found)))
