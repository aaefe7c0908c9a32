"""Passkeys: add, list, rename and remove your own."""

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.audit import audited
from chalicelib.api.v2.authenticators import asked_from, ceremony_of, new_browser
from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.envelope import envelope_json
from chalicelib.core.domain.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import OperationReply, without_data
from chalicelib.ids import SignInSecret
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DIRECTORY, TOKENS
from chalicelib.tokens.domain.passkeys import (
    PasskeyIn,
    PasskeyOptionsOut,
    PasskeyOut,
    PasskeyQuery,
    PasskeyRename,
    browser_cookie,
)
from chalicelib.tokens.services import passkeys
from chalicelib.tokens.stores.passkeys import DynamoPasskeys, hash_of

bp = Blueprint(__name__)

_PATH = "/api/v2/me/passkeys"
_LIST = TOKENS.can("GetItem", "BatchGetItem")


@operation(
    bp,
    "POST",
    f"{_PATH}/options",
    tag="Passkeys",
    envelope="PasskeyOptionsAnswer",
    answers={200: "What to ask the authenticator for."},
    answer=PasskeyOptionsOut,
    refusals=(Conflict, Forbidden),
    grants=SPEND + _LIST + TOKENS.can("PutItem") + DIRECTORY.can("BatchGetItem"),
)
def ask_for_passkey(caller: ApiKey, context: RequestContext) -> OperationReply:
    """Get what a browser needs to create a passkey.

    For browsers: `PublicKeyCredential.parseCreationOptionsFromJSON` takes `publicKey`. The challenge is good for five
    minutes, once, and in this browser only, which a cookie names. A key that expires can't add a passkey, since that
    has no end. A desk needs a name and https for passkeys, or to be on the same machine as the browser.
    """
    named, host = asked_from(context.headers)
    browser = named or new_browser()
    asked = passkeys.ask_for_passkey(
        ceremony_of(browser, host),
        ids.mint_sign_in_secret(SignInSecret.CHALLENGE),
        owner=caller,
        people=DynamoDirectory(),
        now=context.now,
    )
    return OperationReply(envelope_json(asked), 200, {"Set-Cookie": browser_cookie(browser)})


@operation(
    bp,
    "POST",
    _PATH,
    tag="Passkeys",
    status=201,
    envelope="PasskeyAnswer",
    answers={201: "The passkey."},
    refusals=(Invalid, Conflict, Forbidden, TooLarge),
    grants=SPEND + TOKENS.can("GetItem", "PutItem", "DeleteItem") + DIRECTORY.can("ConditionCheckItem"),
    audits=(AuditKind.PASSKEY_ADD,),
)
def add_passkey(body: PasskeyIn, caller: ApiKey, context: RequestContext) -> PasskeyOut:
    """Add the passkey that the authenticator of this browser created.

    It signs you in without a name or a password. The authenticator must have verified its user, by a fingerprint or a
    PIN. A person has 20 passkeys at most.
    """
    ceremony = ceremony_of(*asked_from(context.headers))
    with audited(AuditKind.PASSKEY_ADD, caller, context):
        return passkeys.add_passkey(body, ceremony, owner=caller, hash_of=hash_of, now=context.now)


@operation(
    bp,
    "GET",
    _PATH,
    tag="Passkeys",
    envelope="PasskeysAnswer",
    answers={200: "The passkeys."},
    grants=SPEND + _LIST,
)
def list_passkeys(caller: ApiKey) -> list[PasskeyOut]:
    """List your passkeys, newest first."""
    return passkeys.list_passkeys(owner=caller, passkeys=DynamoPasskeys())


@operation(
    bp,
    "PATCH",
    _PATH,
    tag="Passkeys",
    envelope="RenamedPasskeyAnswer",
    answers={200: "The passkey has the name."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=without_data,
    grants=SPEND + REMEMBER,
)
def rename_passkey(body: PasskeyRename, caller: ApiKey, context: RequestContext) -> None:
    """Give one of your passkeys another name."""
    passkeys.rename_passkey(body, owner=caller, context=context, passkeys=DynamoPasskeys())


@operation(
    bp,
    "DELETE",
    _PATH,
    tag="Passkeys",
    envelope="RemovedPasskeyAnswer",
    answers={200: "The passkey was removed."},
    refusals=(NotFound, Conflict),
    replay=without_data,
    grants=SPEND + REMEMBER + TOKENS.can("DeleteItem"),
    audits=(AuditKind.PASSKEY_REMOVE,),
)
def remove_passkey(query: PasskeyQuery, caller: ApiKey, context: RequestContext) -> None:
    """Remove one of your passkeys.

    Nobody signs in with it from now on. Sessions that it began go on until you end them.
    """
    with audited(AuditKind.PASSKEY_REMOVE, caller, context, Subject("passkey", query.id)):
        passkeys.remove_passkey(query.id, owner=caller, context=context, passkeys=DynamoPasskeys())
