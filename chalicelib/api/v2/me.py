"""The signed-in person."""

from chalice.app import Blueprint

from chalicelib.api.v2.contract import SPEND, operation
from chalicelib.core.domain.callers import ANY_PERMISSION, ApiKey
from chalicelib.core.domain.errors import Forbidden
from chalicelib.live.stores.push import DynamoPush
from chalicelib.parallel import gather
from chalicelib.resources import DIRECTORY
from chalicelib.settings import settings
from chalicelib.tokens.domain.me import MeOut, UrlsOut, to_response
from chalicelib.tokens.stores.me import DynamoMe

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/v2/me",
    tag="Me",
    envelope="MeAnswer",
    answers={200: "The signed-in person."},
    permission=ANY_PERMISSION,
    grants=SPEND + DIRECTORY.can("Query", "GetItem"),
)
def get_me(caller: ApiKey) -> MeOut:
    """Get the signed-in person, the key's permissions and the service's URLs.

    The reply contains all that a front end needs to start.
    """
    known, push_key = gather(lambda: DynamoMe().find_stored_person(caller.user_id), DynamoPush().find_public_key)
    if known is None:
        raise Forbidden("The key's owner is no employee.")
    given = settings()
    urls = UrlsOut(base=given.base_url or None, socket=given.socket_url or None)
    return to_response(known, caller=caller, urls=urls, push_available=push_key is not None)
