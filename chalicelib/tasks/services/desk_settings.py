"""The desk's settings: whether items need a confirmation, and who hands out work."""

from dataclasses import replace
from typing import Any

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.requests import RequestContext
from chalicelib.live.domain.frames import FrameType, LiveEvent
from chalicelib.live.services.ports import Notifier
from chalicelib.tasks.domain.desk_settings import (
    ChangedSettingsOut,
    Desk,
    Mode,
    SettingsIn,
    SettingsOut,
    briefed,
    switched,
)
from chalicelib.tasks.domain.queue import Change, ItemOut, shown
from chalicelib.tasks.services.ports import QueueItems
from chalicelib.tasks.services.queue import Together, next_item, told


def read(*, owner: ApiKey, settings: QueueItems) -> SettingsOut:
    """The owner's settings. Store calls after authentication: 1."""
    desk = settings.find_desk(owner.user_id)
    return SettingsOut(
        mode=desk.mode,
        queue_auto_approve=desk.queue_auto_approve,
        divi_name=None,
        goals_enabled=False,
        onboarding_complete=False,
        onboarding_phase=0,
    )


def change(
    given: SettingsIn,
    *,
    owner: ApiKey,
    context: RequestContext,
    settings: QueueItems,
    notifier: Notifier,
    together: Together,
) -> ChangedSettingsOut:
    """Change what is given. The chief of staff, when switched to, hands out the first item if none is in progress.

    Store calls after authentication, in sequence: 3; 2 more to find the item to hand out; again as many for each
    time that another call was faster.

    Raises:
        Invalid: nothing is given.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    wanted = given.model_dump(mode="json", by_alias=True, exclude_none=True)
    if not wanted:
        raise Invalid("Give mode, queueAutoApprove, or both.")
    attempts = Attempts("The desk is being changed by many calls at once.")
    while attempts.again():
        desk, log_state = together(
            lambda: settings.find_desk(owner.user_id), lambda: notifier.find_log_state(owner.user_id, now=context.now)
        )
        handed_out = None
        if given.mode is Mode.CHIEF_OF_STAFF:
            changed_desk = replace(desk, mode=given.mode)
            handed_out = next_item(changed_desk, besides=None, user_id=owner.user_id, now=context.now, queue=settings)
        answer = _answer(given, desk, handed_out)
        if settings.save_settings(
            owner.user_id,
            wanted,
            handed_out=handed_out,
            by=owner.key_id,
            seen=desk,
            claim=context.claim,
            reply=answer.model_dump(mode="json", exclude_unset=True),
        ):
            events = [LiveEvent(FrameType.SETTINGS_CHANGED, {"settings": wanted})]
            if given.mode is Mode.CHIEF_OF_STAFF:
                events.append(switched(desk))
            events += told([handed_out] if handed_out else [])
            notifier.notify(owner.user_id, *events, log_state=log_state, now=context.now)
            return answer


def _answer(given: SettingsIn, desk: Desk, handed_out: Change | None) -> ChangedSettingsOut:
    members: dict[str, Any] = {}
    if given.mode is not None:
        members["mode"] = given.mode
    if given.queue_auto_approve is not None:
        members["queue_auto_approve"] = given.queue_auto_approve
    if handed_out and handed_out.to:
        members["auto_dispatched"] = ItemOut(**shown(handed_out.to))
    if given.mode is Mode.COCKPIT:
        members["briefing"] = briefed(desk)
    return ChangedSettingsOut(**members)
