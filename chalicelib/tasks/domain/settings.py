"""A person's queue settings: who dispatches tasks, which are approved automatically, and who may propose them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from chalicelib.core.domain.fields import Omittable, OpenIn, Out
from chalicelib.live.domain.frames import FrameType, LiveEvent
from chalicelib.tasks.domain.queue import ItemOut, ItemStatus


class Mode(StrEnum):
    """Who dispatches tasks: the person, or the chief of staff, one task after another."""

    COCKPIT = "cockpit"
    CHIEF_OF_STAFF = "chief_of_staff"


@dataclass(frozen=True)
class QueueState:
    """A person's settings and the counts of their items by status. Both are in one row, with one `version`."""

    version: int
    mode: Mode
    queue_auto_approve: bool
    counts: Mapping[str, int]
    agents_of_integrators: bool = False

    def count(self, status: ItemStatus) -> int:
        return self.counts.get(status.value, 0)


def chief_of_staff_event(state: QueueState) -> LiveEvent:
    """Build the event that wakes agents when the chief of staff takes over."""
    snapshot = {
        "ready": state.count(ItemStatus.READY),
        "inProgress": state.count(ItemStatus.IN_PROGRESS),
        "blocked": state.count(ItemStatus.BLOCKED),
    }
    metadata = {"itemId": None, "queueSnapshot": snapshot}
    return LiveEvent(FrameType.WAKE, {"reason": "chief_of_staff", "priority": "normal", "metadata": metadata})


class SettingsIn(OpenIn):
    """Settings to change. Send at least one."""

    mode: Omittable[Annotated[Mode, Field(strict=False)]] = None
    queue_auto_approve: Omittable[bool] = Field(None, alias="queueAutoApprove")
    agents_of_integrators: Omittable[bool] = Field(
        None,
        alias="agentsOfIntegrators",
        description="Whether integrators that you are approved for may read your tasks and propose new ones.",
    )


class SettingsOut(Out):
    """The queue settings."""

    mode: Mode
    queue_auto_approve: bool
    agents_of_integrators: bool
    divi_name: str | None
    goals_enabled: bool
    onboarding_complete: bool
    onboarding_phase: int


class BriefingOut(Out):
    """A summary of the queue, given when the person takes over."""

    completed_today: int
    still_ready: int
    blocked: int
    message: str


class ChangedSettingsOut(Out):
    """The changed settings, with the task that was dispatched or the briefing."""

    mode: Omittable[Mode] = None
    queue_auto_approve: Omittable[bool] = None
    agents_of_integrators: Omittable[bool] = None
    auto_dispatched: Omittable[ItemOut] = None
    briefing: Omittable[BriefingOut] = None


def to_briefing(state: QueueState) -> BriefingOut:
    done, ready, blocked = (state.count(each) for each in (ItemStatus.DONE_TODAY, ItemStatus.READY, ItemStatus.BLOCKED))
    tasks = "1 task" if done == 1 else f"{done} tasks"
    waits = f"{blocked} blocked." if blocked else "No blockers."
    return BriefingOut(
        completed_today=done,
        still_ready=ready,
        blocked=blocked,
        message=f"{tasks} completed. {waits} {ready} still in queue.",
    )
