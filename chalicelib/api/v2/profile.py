"""Your profile."""

from chalice.app import Blueprint

from chalicelib.api.v2.contract import SPEND, operation
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.people.domain.profile import ProfileOut, ProfilePatch
from chalicelib.people.services import profile
from chalicelib.people.stores.profiles import DynamoProfiles
from chalicelib.resources import DIRECTORY, IDEMPOTENCY

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/v2/profile",
    tag="Profile",
    envelope="ProfileAnswer",
    answers={200: "The profile."},
    grants=SPEND + DIRECTORY.can("GetItem"),
)
def get_profile(caller: ApiKey) -> ProfileOut:
    """Retrieve your profile.

    A profile that was never changed has the default values. Both profile operations need a key with the permission
    `all`.
    """
    return profile.read_profile(user_id=caller.user_id, profiles=DynamoProfiles())


@operation(
    bp,
    "PATCH",
    "/api/v2/profile",
    tag="Profile",
    envelope="ProfileAnswer",
    answers={200: "The updated profile."},
    refusals=(Conflict, TooLarge),
    replay=ProfileOut.model_validate,
    grants=SPEND + IDEMPOTENCY.can("GetItem", "PutItem") + DIRECTORY.can("GetItem", "PutItem", "UpdateItem"),
)
def update_profile(body: ProfilePatch, caller: ApiKey, context: RequestContext) -> ProfileOut:
    """Update your profile.

    Members that you leave out keep their values. A list replaces the previous list. `relayQuietHours` are local times
    in their time zone, UTC by default.
    """
    return profile.update_profile(body, user_id=caller.user_id, context=context, profiles=DynamoProfiles())
