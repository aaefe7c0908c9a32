"""Read and replace how a person is reached."""

from typing import Any, Protocol

from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.domain.requests import RequestContext
from chalicelib.reach.domain.mail import MailSettings
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


class MailAvailability(Protocol):
    def find(self) -> MailSettings | None: ...


def read_preferences(*, owner: ApiKey, preferences: PreferenceStore) -> PreferencesOut:
    """Return the owner's preferences. Store calls in sequence: 1."""
    return preferences.find(owner.user_id).to_response()


def replace_preferences(
    wanted: PreferencesIn,
    *,
    owner: ApiKey,
    context: RequestContext,
    preferences: PreferenceStore,
    mail_settings: MailAvailability,
) -> PreferencesOut:
    """Replace all of the owner's preferences. Store calls in sequence: 2, and 1 more with their first e-mail.

    Raises:
        Invalid: they pause for too long.
        Conflict: they have changed since the caller read them; or they want e-mail, and this desk sends none.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    check_pause(wanted, now=context.now)
    found = preferences.find(owner.user_id)
    # Rules that are stored stay if the desk sends no e-mail any more.
    if wanted.use_email and not found.preferences.use_email and mail_settings.find() is None:
        raise Conflict(
            "This desk sends no e-mail. Choose another way, or ask an administrator to set up a mail server."
        )
    response = StoredPreferences(wanted, wanted.version + 1, found.muted).to_response()
    reply = response.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if not preferences.save(owner.user_id, wanted, seen=wanted.version, claim=context.claim, reply=reply):
        raise Conflict("Your preferences have changed since you read them. Read them again.")
    return response
