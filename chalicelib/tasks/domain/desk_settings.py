"""How a person's desk is set up: who hands out the queue's work, and what follows when that changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from chalicelib.core.domain.fields import Omittable, OpenIn, Out
from chalicelib.live.domain.frames import FrameType, LiveEvent
from chalicelib.tasks.domain.queue import ItemOut, ItemStatus


class Mode(StrEnum):
    """Who hands out work: the person, or the chief of staff, one item after the other."""

    COCKPIT = "cockpit"
    CHIEF_OF_STAFF = "chief_of_staff"


@dataclass(frozen=True)
class Desk:
    """A person's settings, with how many items of which kind there are: both in one row, at one `version`."""

    version: int
    mode: Mode
    queue_auto_approve: bool
    counts: Mapping[str, int]

    def count(self, status: ItemStatus) -> int:
        return self.counts.get(status.value, 0)


def switched(desk: Desk) -> LiveEvent:
    """What wakes agents when the chief of staff takes over."""
    snapshot = {
        "ready": desk.count(ItemStatus.READY),
        "inProgress": desk.count(ItemStatus.IN_PROGRESS),
        "blocked": desk.count(ItemStatus.BLOCKED),
    }
    metadata = {"itemId": None, "queueSnapshot": snapshot}
    return LiveEvent(FrameType.WAKE, {"reason": "chief_of_staff", "priority": "normal", "metadata": metadata})


class SettingsIn(OpenIn):
    """Settings to change; at least one."""

    mode: Omittable[Annotated[Mode, Field(strict=False)]] = None
    queue_auto_approve: Omittable[bool] = Field(None, alias="queueAutoApprove")


class SettingsOut(Out):
    """How the desk is set up."""

    mode: Mode
    queue_auto_approve: bool
    divi_name: str | None
    goals_enabled: bool
    onboarding_complete: bool
    onboarding_phase: int


class BriefingOut(Out):
    """How the queue stands as the person takes over."""

    completed_today: int
    still_ready: int
    blocked: int
    message: str


class ChangedSettingsOut(Out):
    """The settings that were changed, and what followed."""

    mode: Omittable[Mode] = None
    queue_auto_approve: Omittable[bool] = None
    auto_dispatched: Omittable[ItemOut] = None
    briefing: Omittable[BriefingOut] = None


def briefed(desk: Desk) -> BriefingOut:
    done, ready, blocked = (desk.count(each) for each in (ItemStatus.DONE_TODAY, ItemStatus.READY, ItemStatus.BLOCKED))
    tasks = "1 task" if done == 1 else f"{done} tasks"
    waits = f"{blocked} blocked." if blocked else "No blockers."
    return BriefingOut(
        completed_today=done,
        still_ready=ready,
        blocked=blocked,
        message=f"{tasks} completed. {waits} {ready} still in queue.",
    )
