"""What people do with their API keys: list, make, turn on and off, delete."""

from chalicelib import sealing
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import StoredReply
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import SocketCloser
from chalicelib.ids import MintedToken
from chalicelib.tokens.domain.keys import KeyIn, KeyOut, KeySwitch, NewKeyOut, SwitchedOut, areas, shown
from chalicelib.tokens.domain.tokens import KeyGrant
from chalicelib.tokens.services.ports import Grants, Tokens

_NO_KEY = "No such key."


def list_own(*, owner: ApiKey, keys: Grants) -> list[KeyOut]:
    """The owner's keys, newest first. Store calls after authentication: 2; one more when there are hundreds."""
    return [shown(key) for key in keys.list_keys(owner.user_id)]


def create(
    wanted: KeyIn, token: MintedToken, *, key_id: str, owner: ApiKey, context: RequestContext, tokens: Tokens
) -> NewKeyOut:
    """Make `token` a key of the owner's. Store calls after authentication: 1.

    With an idempotency key the reply is kept sealed, since it holds the secret.

    Raises:
        Forbidden: the owner has been deactivated meanwhile.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    grant = KeyGrant(
        key_id, owner.user_id, wanted.name, token.shown, wanted.opened, expires_at=wanted.expires_at(context.now)
    )
    made = NewKeyOut(
        id=key_id,
        name=grant.name,
        key=token.text,
        key_prefix=grant.prefix,
        permissions=areas(grant.permissions),
        expires_at=timestamp(grant.expires_at) if grant.expires_at else None,
        created_at=timestamp(context.now),
    )
    reply: StoredReply = {}
    if context.claim:
        assert context.sealing_key is not None
        reply = sealing.seal_reply(made.model_dump(mode="json"), context.sealing_key)
    tokens.add_key(grant, token, now=context.now, claim=context.claim, reply=reply)
    return made


def switch(
    wanted: KeySwitch, *, owner: ApiKey, context: RequestContext, keys: Grants, closer: SocketCloser
) -> SwitchedOut:
    """Turn one of the owner's keys on or off. Store calls after authentication: 2.

    One that is off has no open connections: to end them takes 1 call more, and 1 for each.

    Raises:
        NotFound: there is no such key, or it is somebody else's.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    switched = SwitchedOut(id=wanted.id, is_active=wanted.is_active)
    reply = switched.model_dump(mode="json")
    if not keys.switch_key(
        wanted.id, active=wanted.is_active, owner_id=owner.user_id, claim=context.claim, reply=reply
    ):
        raise NotFound(_NO_KEY)
    if not wanted.is_active:
        closer.close(owner.user_id, key_id=wanted.id)
    return switched


def delete(key_id: str, *, owner: ApiKey, context: RequestContext, keys: Grants, closer: SocketCloser) -> None:
    """Delete one of the owner's keys: from now on it is unknown, and its connections end.

    Store calls after authentication: 3, and 1 for each of its connections.

    Raises:
        NotFound: there is no such key, or it is somebody else's.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    if not keys.delete_key(key_id, owner_id=owner.user_id, claim=context.claim):
        raise NotFound(_NO_KEY)
    closer.close(owner.user_id, key_id=key_id)
