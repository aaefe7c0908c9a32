"""Read and replace how a person is reached."""

from typing import Any, Protocol

from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.domain.requests import RequestContext
from chalicelib.reach.domain.preferences import (
    Preferences,
    PreferencesIn,
    PreferencesOut,
    StoredPreferences,
    check_pause,
)


class PreferenceStore(Protocol):
    def find(self, user_id: str) -> StoredPreferences: ...
    def save(
        self, user_id: str, preferences: Preferences, *, seen: int, claim: Claim | None, reply: dict[str, Any]
    ) -> bool: ...


def read_preferences(*, owner: ApiKey, preferences: PreferenceStore) -> PreferencesOut:
    """Return the owner's preferences. Store calls in sequence: 1."""
    return preferences.find(owner.user_id).to_response()


def replace_preferences(
    wanted: PreferencesIn, *, owner: ApiKey, context: RequestContext, preferences: PreferenceStore
) -> PreferencesOut:
    """Replace all of the owner's preferences. Store calls in sequence: 2.

    Raises:
        Invalid: they pause for too long.
        Conflict: they have changed since the caller read them.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    check_pause(wanted, now=context.now)
    found = preferences.find(owner.user_id)
    response = StoredPreferences(wanted, wanted.version + 1, found.muted).to_response()
    reply = response.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if not preferences.save(owner.user_id, wanted, seen=wanted.version, claim=context.claim, reply=reply):
        raise Conflict("Your preferences have changed since you read them. Read them again.")
    return response
