"""The buttons of one's own deliveries (ours)."""

from chalice.app import Blueprint

from chalicelib.api.v1.contract import SPEND, operation
from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import NotFound
from chalicelib.edge.operation import Reply
from chalicelib.inbox.domain.clicks import ClickedOut, LinkOut
from chalicelib.inbox.gateways.callbacks import CALLBACK_JOBS
from chalicelib.inbox.services import actions
from chalicelib.inbox.stores.clicks import DynamoClicks
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.resources import CALLBACKS, DELIVERIES

bp = Blueprint(__name__)


@operation(
    bp,
    "POST",
    "/api/v1/inbox/{deliveryId}/actions/{index}",
    tag="inbox",
    status=202,
    answer={200: LinkOut, 202: ClickedOut},
    answers={200: "Where the `url` button leads.", 202: "The click is stored; its callback follows."},
    refusals=(NotFound,),
    area="inbox",
    grants=SPEND + DELIVERIES.can("PutItem", "Query") + CALLBACKS.can_send(),
)
def click_action(deliveryId: str, index: str, caller: ApiKey, call: Call) -> Reply:  # noqa: N803 - contract's spelling
    """Click a button of one of the deliveries addressed to the key's owner.

    A `url` button answers where it leads. A `webhook` button is clicked once, on however many devices: the source
    system is called back, signed, and again after failures; the delivery shows the attempts and their outcome.
    """
    clicked = actions.click(
        deliveryId,
        index,
        owner=caller,
        call=call,
        deliveries=DynamoDeliveries(),
        clicks=DynamoClicks(),
        queue=CALLBACK_JOBS,
    )
    return Reply(clicked, 200 if isinstance(clicked, LinkOut) else 202)
