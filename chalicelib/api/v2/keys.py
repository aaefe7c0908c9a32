"""API keys: list, create, activate, deactivate and delete your own."""

from datetime import datetime
from functools import partial
from uuid import uuid4

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.audit import audited
from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import without_data
from chalicelib.live.domain.frames import FrameType, LiveEvent
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.services.sockets import SocketCloser
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.resources import DIRECTORY, NOTIFY, OWNER_INDEX, SOCKET_API, SOCKETS, TOKENS
from chalicelib.tokens.domain.keys import (
    Key,
    KeyIn,
    KeyOut,
    KeyQuery,
    KeySwitch,
    NewKeyOut,
    SwitchedOut,
    to_response,
)
from chalicelib.tokens.services import keys
from chalicelib.tokens.stores.grants import DynamoGrants
from chalicelib.tokens.stores.tokens import DynamoTokens

bp = Blueprint(__name__)

_ACTIVE_OWNER = DIRECTORY.can("ConditionCheckItem")
_CLOSE = SOCKETS.can("Query", "DeleteItem") + SOCKET_API.can_post()


def _closer() -> SocketCloser:
    return SocketCloser(DynamoSockets(), ApiGatewaySockets())


def _announce(key: Key, *, now: datetime) -> None:
    """Tell the owner's consoles of a new key, so that nobody makes one unseen. Store calls: 2."""
    created = LiveEvent(FrameType.KEY_CREATED, {"key": to_response(key).model_dump(mode="json", by_alias=True)})
    notifier = Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS)
    notifier.notify(key.user_id, created, log_state=None, now=now)


@operation(
    bp,
    "GET",
    "/api/v2/keys",
    tag="Keys",
    envelope="KeysAnswer",
    answers={200: "The keys."},
    grants=SPEND + TOKENS.can("Query", index=OWNER_INDEX) + TOKENS.can("BatchGetItem"),
)
def list_keys(caller: ApiKey) -> list[KeyOut]:
    """List your API keys, newest first.

    All operations on keys need a key with the permission `all`. A new key may take a moment to appear.
    """
    return keys.list_keys(owner=caller, keys=DynamoGrants())


@operation(
    bp,
    "POST",
    "/api/v2/keys",
    tag="Keys",
    status=201,
    envelope="NewKeyAnswer",
    answers={201: "The created key, with its secret."},
    refusals=(Conflict, TooLarge),
    replay=NewKeyOut.model_validate,
    grants=SPEND + REMEMBER + TOKENS.can("PutItem") + _ACTIVE_OWNER + NOTIFY,
    audits=(AuditKind.KEY_CREATE,),
)
def create_key(body: KeyIn, caller: ApiKey, context: RequestContext) -> NewKeyOut:
    """Create an API key.

    `key` is the secret, and only this reply contains it. Repeating the call with the same token and Idempotency-Key
    returns it again; with another of your tokens it is a conflict. A key expires with the key that creates it, or
    before. The event `key_created` tells your open consoles of it.
    """
    key_id, token = str(uuid4()), ids.mint_token(ids.TokenKind.KEY)
    with audited(AuditKind.KEY_CREATE, caller, context, Subject("key", key_id), prefix=token.visible_prefix):
        return keys.create_key(
            body,
            token,
            key_id=key_id,
            owner=caller,
            context=context,
            tokens=DynamoTokens(),
            announce=partial(_announce, now=context.now),
        )


@operation(
    bp,
    "PATCH",
    "/api/v2/keys",
    tag="Keys",
    envelope="SwitchedAnswer",
    answers={200: "The updated key."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=SwitchedOut.model_validate,
    grants=SPEND + REMEMBER + TOKENS.can("GetItem") + _ACTIVE_OWNER + _CLOSE,
    audits=(
        AuditKind.KEY_ENABLE,
        AuditKind.KEY_DISABLE,
    ),
)
def switch_key(body: KeySwitch, caller: ApiKey, context: RequestContext) -> SwitchedOut:
    """Activate or deactivate one of your API keys.

    A deactivated key gets 403 until it is activated again, and its open connections are closed. You can deactivate the
    key that makes this call.
    """
    kind = AuditKind.KEY_ENABLE if body.is_active else AuditKind.KEY_DISABLE
    with audited(kind, caller, context, Subject("key", body.id)):
        return keys.switch_key(body, owner_id=caller.user_id, context=context, keys=DynamoGrants(), closer=_closer())


@operation(
    bp,
    "DELETE",
    "/api/v2/keys",
    tag="Keys",
    envelope="DeletedAnswer",
    answers={200: "The key was deleted."},
    refusals=(NotFound, Conflict),
    replay=without_data,
    grants=SPEND + REMEMBER + TOKENS.can("GetItem", "DeleteItem") + _CLOSE,
    audits=(AuditKind.KEY_DELETE,),
)
def delete_key(query: KeyQuery, caller: ApiKey, context: RequestContext) -> None:
    """Delete one of your API keys.

    Calls with the key get 401 from now on, and its open connections are closed. You can delete the key that makes this
    call.
    """
    with audited(AuditKind.KEY_DELETE, caller, context, Subject("key", query.id)):
        keys.delete_key(query.id, owner_id=caller.user_id, context=context, keys=DynamoGrants(), closer=_closer())
