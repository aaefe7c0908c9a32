"""Read and change a person's queue settings."""

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import Gather
from chalicelib.live.domain.frames import FrameType, LiveEvent
from chalicelib.live.services.ports import Notifier
from chalicelib.tasks.domain.dispatch import status_events
from chalicelib.tasks.domain.queue import Change
from chalicelib.tasks.domain.queue_messages import to_item_response
from chalicelib.tasks.domain.settings import (
    ChangedSettingsOut,
    Mode,
    QueueState,
    SettingsIn,
    SettingsOut,
    chief_of_staff_event,
    to_briefing,
    to_settings_members,
)
from chalicelib.tasks.services.dispatch import dispatch_first
from chalicelib.tasks.services.ports import QueueItems


def read_settings(*, owner: ApiKey, settings: QueueItems) -> SettingsOut:
    """Return the owner's settings. Store calls after authentication: 1."""
    state = settings.find_state(owner.user_id)
    return SettingsOut(**to_settings_members(state))


def change_settings(
    request: SettingsIn,
    *,
    owner: ApiKey,
    context: RequestContext,
    settings: QueueItems,
    notifier: Notifier,
    gather: Gather,
) -> ChangedSettingsOut:
    """Change the owner's settings. Switching to the chief of staff dispatches an item, if none is in progress.

    The reply has all settings. Store calls after authentication, in sequence: 3; 2 more to find the item to dispatch. A
    conflict with another call repeats all of them.

    Raises:
        Invalid: the request has no settings.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    changes = request.model_dump(mode="json", by_alias=True, exclude_none=True)
    if not changes:
        raise Invalid("Send mode, queueAutoApprove or agentsOfIntegrators.")
    attempts = Attempts("Too many calls are changing these settings. Try again.")
    while attempts.again():
        state, log_state = gather(
            lambda: settings.find_state(owner.user_id), lambda: notifier.find_log_state(owner.user_id, now=context.now)
        )
        changed, dispatched = state.changed(request), None
        if request.mode is Mode.CHIEF_OF_STAFF:
            dispatched = dispatch_first(changed, user_id=owner.user_id, now=context.now, queue=settings)
        response = _response(request, changed, dispatched)
        if settings.save_settings(
            owner.user_id,
            changes,
            dispatched=dispatched,
            by=owner.key_id,
            seen=state,
            claim=context.claim,
            reply=response.model_dump(mode="json", exclude_unset=True),
        ):
            events = [LiveEvent(FrameType.SETTINGS_CHANGED, {"settings": changes})]
            if request.mode is Mode.CHIEF_OF_STAFF:
                events.append(chief_of_staff_event(state))
            events += status_events([dispatched] if dispatched else [])
            notifier.notify(owner.user_id, *events, log_state=log_state, now=context.now)
            return response


def _response(request: SettingsIn, state: QueueState, dispatched: Change | None) -> ChangedSettingsOut:
    members = to_settings_members(state)
    if dispatched and dispatched.after:
        members["auto_dispatched"] = to_item_response(dispatched.after)
    if request.mode is Mode.COCKPIT:
        members["briefing"] = to_briefing(state)
    return ChangedSettingsOut(**members)
