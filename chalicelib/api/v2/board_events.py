"""Tell a person's open connections that their board or their contacts have changed."""

from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.requests import RequestContext
from chalicelib.live.domain.frames import FrameType, LiveEvent
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather


def announce_change(
    caller: ApiKey,
    context: RequestContext,
    *,
    card_id: str | None = None,
    contact_id: str | None = None,
    removed: bool = False,
) -> None:
    """Tell of a new, changed or `removed` card or contact, or of both.

    Store calls in sequence: 1; 1 more if somebody listens. Both are outside the change, which stands whatever fails
    here.
    """
    kind, events = "removed" if removed else "changed", []
    if card_id is not None:
        events.append(LiveEvent(FrameType.BOARD_CHANGED, {"cardId": card_id, "changeType": kind}))
    if contact_id is not None:
        events.append(LiveEvent(FrameType.CONTACTS_CHANGED, {"contactId": contact_id, "changeType": kind}))
    notifier = Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS)
    notifier.notify(caller.user_id, *events, log_state=None, now=context.now)
