"""One operation under one fault, and what its client does then: what is stored must be as if nothing had failed."""

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
from chalicelib.resources import EVENT_TYPES, IDEMPOTENCY, SOCKETS
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

# Frames and the counts of event types tell of effects and are none: a function that dies leaves them out.
SIDE_TABLES = (EVENT_TYPES, IDEMPOTENCY, SOCKETS)
IDEMPOTENCY_KEY = "the-client's-own-key"
# Their rows are effects of their own, of which a repeat without a key does some again.
BATCH_OPERATIONS = ("claim_tokens", "publish_bulk", "sync_agents")
# They wait for messages, by the clock.
WAITING_OPERATIONS = ("redrive_dead_letters",)

# All points are swept by `make chaos SWEEP=whole`; the tests take some, others with each seed.
WHOLE = os.environ.get("SWEEP") == "whole"
SEED = os.environ.get("SWEEP_SEED", "1")

_numbers = itertools.count()
T = TypeVar("T")


@dataclass(frozen=True)
class FaultPoint:
    """A fault's place: at the attempt `number` of the request, or from it on; at every call's first where it is 0."""

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
    """An operation's request, in the world that it is valid in."""

    api: Api
    route: Route
    ask: SampleRequest
    before: Snapshot
    now: datetime
    _plain: dict[str, str] = field(default_factory=dict)
    _once: dict[str | None, list[str]] = field(default_factory=dict)

    @cached_property
    def known(self) -> str:
        self.before.restore()
        return "".join(read_rows().values())

    def state(self) -> list[str]:
        """What is stored now, without what differs from run to run."""
        found = list(read_rows(besides=SIDE_TABLES).values())
        for row in found:
            # Most rows are the same in every run.
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
        """What is stored when the request is made once and nothing fails."""
        if key not in self._once:
            self.before.restore()
            reply = self.call(key)
            assert reply.status == self.route.status, reply.text
            self._once[key] = self.state()
        return self._once[key]

    @cached_property
    def twice(self) -> list[str]:
        """What is stored when the request is made twice, and nothing fails."""
        self.before.restore()
        for _ in range(2):
            self.call(None)
        return self.state()

    @property
    def key(self) -> str | None:
        return IDEMPOTENCY_KEY if self.route.replay else None

    def call(self, key: str | None) -> Answer:
        with time_machine.travel(self.now, tick=self.route.__name__ in WAITING_OPERATIONS), plain_nonces():
            return self.ask.send(self.api, self.route, key=key if self.route.replay else None)

    def passing(self) -> Iterator[FaultPoint]:
        """Every fault that is over when a call is made again, at every call."""
        return (FaultPoint(fault) for fault in PASSING)

    def lasting(self) -> Iterator[FaultPoint]:
        """Every fault that ends the request, at every call."""
        for number in range(1, self.attempts + 1):
            yield FaultPoint(Fault.KILLED, number)
            yield FaultPoint(Fault.KILLED_BEFORE, number)
            yield FaultPoint(Fault.LOST, number, lasts=True)
            yield FaultPoint(Fault.TIMED_OUT, number, lasts=True)

    def check(self, point: FaultPoint, *, keyed: bool) -> None:
        """Make the request under the fault, and again if it was not answered well; hold what is stored to a model.

        With its key the client ends with one effect and one reply. Without it, it may bring about the effect a
        second time, and never half of it.
        """
        key = self.key if keyed else None
        once = self.once(key)
        accepted = [once] if key or point in set(self.passing()) else [once, self.twice]
        self.before.restore()
        reply: Answer | None = None
        with inject_faults(point.plan(self.attempts)):
            try:
                reply = self.call(key)
            except Killed:
                assert point.fault.ends_function
        if reply is None or reply.status >= 500:
            assert point.lasts or point.fault.ends_function, (point, "a fault that passes was answered", reply)
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
            # What a contact is found by is written before the contact, and does nothing without it.
            assert not missing and all("('sk', 'FIND#" in each for each in extra), (point, reply, extra, missing)
        if key:
            replay = self.call(key)
            assert (replay.status, replay.text) == (reply.status, reply.text), point
            assert replay.headers["idempotent-replayed"] == "true", point
            assert self.state() == stored, point


@contextmanager
def plain_nonces() -> Iterator[None]:
    """Random words that can be told from others, so that they don't make one run's rows unlike another's."""
    real = secrets.token_urlsafe
    secrets.token_urlsafe = lambda *_: f"n0nce-{next(_numbers):06}"
    try:
        yield
    finally:
        secrets.token_urlsafe = real


def difference(found: list[str], wanted: list[str]) -> tuple[list[str], list[str]]:
    """What was found and not wanted, and what was wanted and not found."""
    extra, missing = list(found), []
    for each in wanted:
        if each in extra:
            extra.remove(each)
        else:
            missing.append(each)
    return extra, missing


def prepare_sweep(api: Api, route: Route, ask: SampleRequest) -> FaultSweep:
    return FaultSweep(api, route, ask, take_snapshot(), datetime.now(UTC))


def sample(found: list[T], count: int, name: str) -> list[T]:
    """As many of these as the tests take, by the seed; or all."""
    return found if WHOLE else random.Random(f"{SEED} {name}").sample(found, min(count, len(found)))
