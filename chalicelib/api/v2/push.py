"""Nudges to one's own browsers, by Web Push."""

from chalice.app import Blueprint

from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.edge.operation import without_data
from chalicelib.live.domain.push import (
    PushOut,
    SubscriptionIn,
    SubscriptionOut,
)
from chalicelib.live.services import push
from chalicelib.live.stores.push import DynamoPush
from chalicelib.parallel import together
from chalicelib.resources import DIRECTORY, SOCKETS

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/v2/push",
    tag="push",
    envelope="PushAnswer",
    answers={200: "The key and the subscriptions."},
    area="inbox",
    grants=SPEND + DIRECTORY.can("GetItem", "Query"),
)
def show_push(caller: ApiKey) -> PushOut:
    """Tell what a browser subscribes with, as its `applicationServerKey`, and which of one's own are subscribed."""
    return push.show(owner=caller, subscriptions=DynamoPush(), together=together)


@operation(
    bp,
    "POST",
    "/api/v2/push/subscriptions",
    tag="push",
    status=201,
    envelope="SubscriptionAnswer",
    answers={201: "The subscription."},
    refusals=(Conflict, TooLarge),
    area="inbox",
    replay=SubscriptionOut.model_validate,
    grants=SPEND + REMEMBER + DIRECTORY.can("GetItem", "PutItem", "ConditionCheckItem") + SOCKETS.can("UpdateItem"),
)
def subscribe_to_push(body: SubscriptionIn, caller: ApiKey, call: Call) -> SubscriptionOut:
    """Have this browser nudged when something arrives in the inbox and nobody listens.

    A nudge is empty: it says that there is something, and the browser looks for itself. A browser that subscribes
    again keeps its subscription. A person has at most 10; one whose push service says that it is gone is forgotten.
    """
    return push.subscribe(body, owner=caller, call=call, subscriptions=DynamoPush())


@operation(
    bp,
    "DELETE",
    "/api/v2/push/subscriptions/{subscriptionId}",
    tag="push",
    envelope="UnsubscribedAnswer",
    answers={200: "The subscription is no more."},
    refusals=(NotFound, Conflict),
    area="inbox",
    replay=without_data,
    grants=SPEND + REMEMBER + DIRECTORY.can("DeleteItem") + SOCKETS.can("UpdateItem"),
)
def unsubscribe_from_push(
    subscriptionId: str,  # noqa: N803 - contract's spelling
    caller: ApiKey,
    call: Call,
) -> None:
    """Nudge a browser no longer."""
    push.unsubscribe(subscriptionId, owner=caller, call=call, subscriptions=DynamoPush())
