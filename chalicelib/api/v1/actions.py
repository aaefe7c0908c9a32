"""Click the action buttons of your own deliveries (an addition to the contract)."""

from chalice.app import Blueprint

from chalicelib.api.v1.contract import SPEND, operation
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import OperationReply
from chalicelib.inbox.domain.clicks import ClickedOut, LinkOut
from chalicelib.inbox.gateways.callbacks import CALLBACK_JOBS
from chalicelib.inbox.services import clicks
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
    answers={200: "The link of a `url` button.", 202: "The click was stored and its callback queued."},
    refusals=(NotFound,),
    permission="inbox",
    grants=SPEND + DELIVERIES.can("PutItem", "Query") + CALLBACKS.can_send(),
)
def click_action(deliveryId: str, index: str, caller: ApiKey, context: RequestContext) -> OperationReply:  # noqa: N803 - contract's spelling
    """Click an action button of a delivery in your inbox.

    For a `url` button, the reply contains the link to open. A `webhook` button can be clicked once: the click is stored
    and the source system receives a signed callback, which is retried if it fails. The delivery shows every attempt and
    the outcome.
    """
    clicked = clicks.click_button(
        deliveryId,
        index,
        owner=caller,
        context=context,
        deliveries=DynamoDeliveries(),
        clicks=DynamoClicks(),
        queue=CALLBACK_JOBS,
    )
    return OperationReply(clicked, 200 if isinstance(clicked, LinkOut) else 202)
