"""A person's queue settings: who dispatches tasks, which are approved automatically, and who may propose them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from chalicelib.core.domain.fields import Omittable, OpenIn, Out
from chalicelib.live.domain.frames import FrameType, LiveEvent
from chalicelib.tasks.domain.queue import ItemStatus
from chalicelib.tasks.domain.queue_messages import ItemOut


class Mode(StrEnum):
    """Who dispatches tasks: the person, or the chief of staff, one task after another."""

    COCKPIT = "cockpit"
    CHIEF_OF_STAFF = "chief_of_staff"


@dataclass(frozen=True)
class QueueState:
    """A person's settings and the counts of their items by status. Both are in one row, with one `version`.

    `open_tasks` counts the items by the integrator that proposed them, without those that are done.
    """

    version: int
    mode: Mode
    queue_auto_approve: bool
    counts: Mapping[str, int]
    agents_of_integrators: bool = False
    open_tasks: Mapping[str, int] = field(default_factory=dict)

    def changed(self, request: "SettingsIn") -> "QueueState":
        """Return the state with these settings."""
        return replace(self, **request.model_dump(exclude_none=True))

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
    """All queue settings after the change, with the task that was dispatched or the briefing."""

    # Replies that were stored for idempotency keys may have only what was changed.
    mode: Omittable[Mode] = None
    queue_auto_approve: Omittable[bool] = None
    agents_of_integrators: Omittable[bool] = None
    divi_name: str | None = None
    goals_enabled: Omittable[bool] = None
    onboarding_complete: Omittable[bool] = None
    onboarding_phase: Omittable[int] = None
    auto_dispatched: Omittable[ItemOut] = None
    briefing: Omittable[BriefingOut] = None


def to_settings_members(state: QueueState) -> dict[str, Any]:
    """Return the members of all settings. A desk has no goals and no onboarding, and gives its assistant no name."""
    return {
        "mode": state.mode,
        "queue_auto_approve": state.queue_auto_approve,
        "agents_of_integrators": state.agents_of_integrators,
        "divi_name": None,
        "goals_enabled": False,
        "onboarding_complete": False,
        "onboarding_phase": 0,
    }


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
