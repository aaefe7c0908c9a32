"""What is new."""

from chalice.app import Blueprint

from chalicelib.api.v2.contract import operation
from chalicelib.feedback.domain.updates import UpdatesOut, UpdatesQuery, asked_for
from chalicelib.feedback.stores.updates import PackagedUpdates

bp = Blueprint(__name__)


@operation(bp, "GET", "/api/v2/updates", tag="updates", answers={200: "The entries."}, max_age=300)
def list_updates(query: UpdatesQuery) -> UpdatesOut:
    """Tell what is new in this software, newest first.

    Needs no token, may be read by pages of any origin, and touches no store: ask as often as you like, with the
    last reply's ETag.
    """
    return asked_for(query, PackagedUpdates().list_updates())
