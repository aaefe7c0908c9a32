"""v1 "reach": how notifications reach you (an addition to the contract)."""

from chalice.app import Blueprint

from chalicelib.api.v1.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.reach.domain.preferences import PreferencesIn, PreferencesOut
from chalicelib.reach.services import preferences
from chalicelib.reach.stores.mail_settings import DynamoMailSettings
from chalicelib.reach.stores.preferences import DynamoPreferences
from chalicelib.resources import DIRECTORY, SOCKETS

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/v1/me/preferences",
    tag="reach",
    answers={200: "Your preferences."},
    permission="inbox",
    grants=SPEND + DIRECTORY.can("GetItem"),
)
def get_preferences(caller: ApiKey) -> PreferencesOut:
    """Get how notifications reach you beyond the inbox: rules, quiet hours, and a pause."""
    return preferences.read_preferences(owner=caller, preferences=DynamoPreferences())


@operation(
    bp,
    "PUT",
    "/api/v1/me/preferences",
    tag="reach",
    answers={200: "Your preferences."},
    refusals=(Conflict, TooLarge),
    permission="inbox",
    replay=PreferencesOut.model_validate,
    grants=SPEND + REMEMBER + DIRECTORY.can("GetItem", "UpdateItem", "ConditionCheckItem") + SOCKETS.can("UpdateItem"),
)
def replace_preferences(body: PreferencesIn, caller: ApiKey, context: RequestContext) -> PreferencesOut:
    """Replace how notifications reach you, with up to 50 rules.

    Of the rules that match an event, the most specific one decides: first the one with the longest `eventType`, then
    one with an `integrator`, then one with a `severity`. What no rule matches reaches your browsers, as it does without
    preferences. Quiet hours hold what would reach you until they end. Send all preferences with the `version` that
    you have read. If they have changed since, the reply is 409, as it is for a first rule with `email` while this desk
    sends no e-mail.
    """
    return preferences.replace_preferences(
        body,
        owner=caller,
        context=context,
        preferences=DynamoPreferences(),
        mail_settings=DynamoMailSettings(),
    )
