"""Release notes."""

from chalice.app import Blueprint

from chalicelib.api.v2.contract import operation
from chalicelib.feedback.domain.updates import UpdatesOut, UpdatesQuery, asked_for
from chalicelib.feedback.stores.updates import PackagedUpdates

bp = Blueprint(__name__)


@operation(bp, "GET", "/api/v2/updates", tag="Network", answers={200: "The release notes."}, max_age=300)
def list_updates(query: UpdatesQuery) -> UpdatesOut:
    """List the release notes of this software, newest first.

    No token is needed, pages of any origin can call it, and it touches no store. Send the ETag of the last reply to
    poll it cheaply.
    """
    return asked_for(query, PackagedUpdates().list_updates())
