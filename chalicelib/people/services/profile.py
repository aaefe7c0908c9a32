"""A person's profile: read it, change it."""

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.requests import RequestContext
from chalicelib.people.domain.profile import ProfileOut, ProfilePatch, completed
from chalicelib.people.services.ports import Profiles


def read(*, user_id: str, profiles: Profiles) -> ProfileOut:
    """The person's profile. Store calls after authentication: 1."""
    told, _ = profiles.find_profile(user_id)
    return completed(told)


def change(wanted: ProfilePatch, *, user_id: str, context: RequestContext, profiles: Profiles) -> ProfileOut:
    """Change what is given, and nothing else. Store calls after authentication: 2; 2 more for each change that
    another call made in between.

    Raises:
        Forbidden: the person has been deactivated meanwhile.
        Unavailable: it is being changed by many calls at once.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts("The profile is being changed by many calls at once.")
    while attempts.again():
        over, seen = profiles.find_profile(user_id)
        told = over | wanted.changes
        made = completed(told)
        reply = made.model_dump(mode="json", by_alias=True, exclude_unset=True)
        at = timestamp(context.now)
        if profiles.save_profile(user_id, told, over=over, seen=seen, at=at, claim=context.claim, reply=reply):
            return made
