"""Web Push subscriptions of your browsers."""

from chalice.app import Blueprint

from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import without_data
from chalicelib.live.domain.push import (
    PushOut,
    SubscriptionIn,
    SubscriptionOut,
)
from chalicelib.live.services import push
from chalicelib.live.stores.push import DynamoPush
from chalicelib.parallel import gather
from chalicelib.resources import DIRECTORY, SOCKETS, UNSEAL

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/v2/push",
    tag="Push",
    envelope="PushAnswer",
    answers={200: "The public key and the subscriptions."},
    permission="inbox",
    grants=SPEND + DIRECTORY.can("GetItem", "Query"),
)
def show_push(caller: ApiKey) -> PushOut:
    """Get the public key for Web Push and your browsers' subscriptions.

    Use the key as `applicationServerKey` when you subscribe.
    """
    return push.get_push_settings(owner=caller, subscriptions=DynamoPush(), gather=gather)


@operation(
    bp,
    "POST",
    "/api/v2/push/subscriptions",
    tag="Push",
    status=201,
    envelope="SubscriptionAnswer",
    answers={201: "The subscription."},
    refusals=(Conflict, TooLarge),
    permission="inbox",
    replay=SubscriptionOut.model_validate,
    grants=SPEND
    + REMEMBER
    + UNSEAL
    + DIRECTORY.can("GetItem", "PutItem", "UpdateItem", "ConditionCheckItem")
    + SOCKETS.can("UpdateItem"),
)
def subscribe_to_push(body: SubscriptionIn, caller: ApiKey, context: RequestContext) -> SubscriptionOut:
    """Subscribe a browser to push notifications.

    The browser is notified when something arrives in your inbox, or a task waits for your approval, while you look at
    no console. A message has only the notification's id, or `queue/` and the task's, encrypted for the browser with its
    `keys`; the browser fetches the content itself. Subscribing
    again keeps the subscription, and resumes it if it was stopped. You can have up to 20 active subscriptions. A
    subscription that its push service refuses is ended, and one that fails five times in a row is paused; your open
    connections receive a `push_stopped` event.
    """
    return push.subscribe(body, owner=caller, context=context, subscriptions=DynamoPush())


@operation(
    bp,
    "DELETE",
    "/api/v2/push/subscriptions/{subscriptionId}",
    tag="Push",
    envelope="UnsubscribedAnswer",
    answers={200: "The subscription was deleted."},
    refusals=(NotFound, Conflict),
    permission="inbox",
    replay=without_data,
    grants=SPEND + REMEMBER + DIRECTORY.can("DeleteItem") + SOCKETS.can("UpdateItem"),
)
def unsubscribe_from_push(
    subscriptionId: str,  # noqa: N803 - contract's spelling
    caller: ApiKey,
    context: RequestContext,
) -> None:
    """Delete a browser's push subscription."""
    push.unsubscribe(subscriptionId, owner=caller, context=context, subscriptions=DynamoPush())
