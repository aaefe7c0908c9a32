"""Read and change a person's profile."""

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.requests import RequestContext
from chalicelib.people.domain.profile import ProfileOut, ProfilePatch, to_response
from chalicelib.people.services.ports import Profiles


def read_profile(*, user_id: str, profiles: Profiles) -> ProfileOut:
    """Read the profile. Store calls after authentication: 1."""
    profile, _ = profiles.find_profile(user_id)
    return to_response(profile)


def update_profile(wanted: ProfilePatch, *, user_id: str, context: RequestContext, profiles: Profiles) -> ProfileOut:
    """Change the given members of the profile.

    Store calls after authentication: 2, and 2 more for each change that another call makes in between.

    Raises:
        Forbidden: the person was deactivated.
        Unavailable: many calls are changing the profile at once.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts("Too many calls are changing this profile. Try again.")
    while attempts.again():
        over, seen = profiles.find_profile(user_id)
        profile = over | wanted.changes
        response = to_response(profile)
        reply = response.model_dump(mode="json", by_alias=True, exclude_unset=True)
        at = timestamp(context.now)
        if profiles.save_profile(user_id, profile, over=over, seen=seen, at=at, claim=context.claim, reply=reply):
            return response
