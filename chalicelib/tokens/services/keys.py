"""A person's own API keys: list, create, enable, disable and delete them."""

from collections.abc import Callable

from chalicelib import sealing
from chalicelib.core.domain.callers import ApiKey, Session
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import StoredReply
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import SocketCloser
from chalicelib.ids import MintedToken
from chalicelib.tokens.domain.keys import (
    Key,
    KeyIn,
    KeyOut,
    KeySwitch,
    NewKeyOut,
    SwitchedOut,
    to_permissions,
    to_response,
)
from chalicelib.tokens.domain.tokens import KeyGrant
from chalicelib.tokens.services.ports import Grants, Tokens

_NO_KEY = "Key not found."


def list_keys(*, owner: ApiKey, keys: Grants) -> list[KeyOut]:
    """List the owner's keys, newest first. Store calls after authentication: 2; one more when there are hundreds."""
    return [to_response(key) for key in keys.list_keys(owner.user_id)]


def create_key(
    request: KeyIn,
    token: MintedToken,
    *,
    key_id: str,
    owner: ApiKey,
    context: RequestContext,
    tokens: Tokens,
    announce: Callable[[Key], None],
) -> NewKeyOut:
    """Store `token` as a key of the owner, and announce it to them. Store calls after authentication: 1, besides the
    announcement's.

    A key never outlives the key that creates it, so that who has a key for an hour has access for an hour.

    With an idempotency key the reply is stored sealed, since it has the secret.

    Raises:
        Invalid: the key would outlive its maker.
        Forbidden: the owner was deactivated.
        Conflict: the owner has too many keys.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    grant = KeyGrant(
        key_id,
        owner.user_id,
        request.name,
        token.visible_prefix,
        request.permission_set,
        expires_at=request.expires_at(context.now, owner.expires_at),
        created_by=None if isinstance(owner, Session) else owner.key_id,
    )
    response = NewKeyOut(
        id=key_id,
        name=grant.name,
        key=token.text,
        key_prefix=grant.prefix,
        permissions=to_permissions(grant.permissions),
        expires_at=timestamp(grant.expires_at) if grant.expires_at else None,
        created_at=timestamp(context.now),
    )
    reply: StoredReply = {}
    if context.claim:
        assert context.sealing_key is not None
        reply = sealing.seal_reply(response.model_dump(mode="json"), context.sealing_key)
    tokens.add_key(grant, token, now=context.now, claim=context.claim, reply=reply)
    announce(
        Key(
            key_id,
            owner.user_id,
            grant.name,
            grant.prefix,
            grant.permissions,
            active=True,
            expires_at=grant.expires_at,
            last_used_at=None,
            usage_count=0,
            created_at=response.created_at,
            created_by=grant.created_by,
        )
    )
    return response


def switch_key(
    request: KeySwitch, *, owner_id: str, context: RequestContext, keys: Grants, closer: SocketCloser
) -> SwitchedOut:
    """Enable or disable one of the owner's keys. Store calls after authentication: 2.

    Disabling closes the open connections of the key, with 1 more store call and 1 for each.

    Raises:
        NotFound: the key is unknown, or another person's.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    switched = SwitchedOut(id=request.id, is_active=request.is_active)
    reply = switched.model_dump(mode="json")
    if not keys.switch_key(request.id, active=request.is_active, owner_id=owner_id, claim=context.claim, reply=reply):
        raise NotFound(_NO_KEY)
    if not request.is_active:
        closer.close(owner_id, key_id=request.id)
    return switched


def delete_key(key_id: str, *, owner_id: str, context: RequestContext, keys: Grants, closer: SocketCloser) -> None:
    """Delete one of the owner's keys, and close its open connections.

    Store calls after authentication: 3, and 1 for each connection.

    Raises:
        NotFound: the key is unknown, or another person's.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    if not keys.delete_key(key_id, owner_id=owner_id, claim=context.claim):
        raise NotFound(_NO_KEY)
    closer.close(owner_id, key_id=key_id)
