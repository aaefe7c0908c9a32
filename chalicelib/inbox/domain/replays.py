"""Replays of callbacks: those that failed at an endpoint between two times, or that wait for a paused one."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Self
from uuid import UUID, uuid5

from chalicelib.core.domain.fields import In, timestamp
from chalicelib.core.domain.retries import Outcome
from chalicelib.inbox.domain.clicks import Click
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.domain.endpoints import MOST_ATTEMPTS, Endpoint, origin_of

# A replay covers at most so many days.
MOST_DAYS = 31
# A step is one transaction of at most 100 members: these clicks, and the replay.
PER_STEP = 48
_NAMESPACE = UUID("0d1d2f4e-8a7f-5f0c-9a4e-6f5b7c0e2d11")


class ReplayKind(StrEnum):
    """Which callbacks a replay sends: those that waited for a paused endpoint, or those that failed."""

    HELD = "held"
    FAILED = "failed"


class ReplayStatus(StrEnum):
    """How far a replay is."""

    RUNNING = "running"
    DONE = "done"


class ReplayPosition(NamedTuple):
    """The last click that was examined, in the order of the index."""

    clicked_at: str
    delivery_id: str
    button: int


class ReplayJob(In):
    """A message of the queue: continue the replay."""

    replay_id: str


@dataclass(frozen=True)
class Replay:
    """A replay, and how far it is. `since` and `until` bound when the buttons were pressed."""

    replay_id: str
    integrator: str
    origin: str
    kind: ReplayKind
    since: str
    until: str
    created_at: str
    status: ReplayStatus = ReplayStatus.RUNNING
    steps: int = 0
    examined: int = 0
    replayed: int = 0
    day: str | None = None
    position: ReplayPosition | None = None
    # Whether the held callbacks were looked through a second time, for those that the index did not show yet.
    looked_again: bool = False

    @classmethod
    def of_failed(cls, integrator: str, origin: str, *, since: datetime, until: datetime, now: datetime) -> Self:
        """Return the replay of what failed in a range. The same range is the same replay."""
        bounds = timestamp(since), timestamp(until)
        name = "\n".join((integrator, origin, *bounds))
        new_id = str(uuid5(_NAMESPACE, name))
        return cls(new_id, integrator, origin, ReplayKind.FAILED, *bounds, timestamp(now), day=bounds[0][:10])

    @classmethod
    def of_held(cls, endpoint: Endpoint, *, now: datetime) -> Self:
        """Return the replay of what waited for an endpoint during a pause. The same pause is the same replay."""
        paused_at = endpoint.paused_at or timestamp(now)
        new_id = str(uuid5(_NAMESPACE, "\n".join((endpoint.integrator, endpoint.origin, "held", paused_at))))
        at = timestamp(now)
        return cls(new_id, endpoint.integrator, endpoint.origin, ReplayKind.HELD, paused_at, at, at)

    @property
    def is_over(self) -> bool:
        return self.status is ReplayStatus.DONE

    def after_step(
        self, *, examined: int, replayed: int, position: ReplayPosition | None, is_last_page: bool
    ) -> "Replay":
        """Return the replay after a step, which may end it or lead to the next day."""
        after = replace(
            self,
            steps=self.steps + 1,
            examined=self.examined + examined,
            replayed=self.replayed + replayed,
            position=position,
        )
        if not is_last_page:
            return after
        if self.kind is ReplayKind.HELD:
            return replace(after, looked_again=True, status=ReplayStatus.DONE if self.looked_again else self.status)
        next_day = date.fromisoformat(self.day or self.since[:10]) + timedelta(days=1)
        if next_day.isoformat() > self.until[:10]:
            return replace(after, status=ReplayStatus.DONE, position=None)
        return replace(after, day=next_day.isoformat(), position=None)

    def selects(self, click: Click, delivery: Delivery | None) -> bool:
        """Whether the replay sends the callback of a click again: it failed at this endpoint, in this range."""
        return (
            delivery is not None
            and click.outcome in (Outcome.FAILED, Outcome.GONE)
            and len(click.attempts) < MOST_ATTEMPTS
            and self.since <= click.clicked_at < self.until
            and delivery.integrator == self.integrator
            and origin_of(delivery.buttons[click.index]["webhook_url"]) == self.origin
        )


def is_range(since: datetime, until: datetime) -> bool:
    """Whether a replay can cover this range."""
    return since < until <= since + timedelta(days=MOST_DAYS)
