"""Credentials of instances, in the tables `tokens` and `network`.

tokens:  PLATFORM#<hash>   the platform token of an instance that was approved: instanceId, status
         INSTANCE#<hash>   an instance's own key: `holders` are the active instances, and the hubs of this desk, that
                           use it. Without a holder it is not accepted
network: sealedKey of an instance's row (see instances)
"""

from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.errors import Unavailable
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import delete, put_new, update
from chalicelib.core.stores.items import Row
from chalicelib.federation.network.domain.instances import Instance
from chalicelib.ids import InstanceCredential, MintedToken
from chalicelib.resources import TOKENS
from chalicelib.tokens.stores.token_rows import START
from chalicelib.vault import seal, unseal


def accept_key_action(key_hash: str, holder: str, *, holds: bool) -> Action:
    """Return the action that accepts an instance key for this holder, or does so no longer."""
    key = {"pk": f"{InstanceCredential.INSTANCE.name}#{key_hash}"}
    if not holds:
        return update(TOKENS, key, "DELETE holders :holder", holder={holder})
    start = {**START, "secretHash": key_hash, "dailyLimit": 0}
    sets = ", ".join(f"#{name} = if_not_exists(#{name}, :{name})" for name in start)
    return update(TOKENS, key, f"SET {sets} ADD holders :holder", holder={holder}, **start)


def put_token_action(instance: Instance, token: MintedToken) -> Action:
    """Return the action that stores a platform token. It works while the instance is active."""
    own = {"secretHash": token.secret_hash, "instanceId": instance.instance_id, "dailyLimit": 0}
    return put_new(TOKENS, _token_key(token.secret_hash) | START | own | _status_of(instance))


def delete_token_action(instance: Instance) -> Action:
    """Return the action that deletes the instance's platform token."""
    return delete(TOKENS, _token_key(instance.token_hash))


def save_token_action(instance: Instance) -> Action:
    """Return the action that enables or disables the platform token with its instance; an approval may create it."""
    start = {**START, "secretHash": instance.token_hash, "instanceId": instance.instance_id, "dailyLimit": 0}
    sets = ", ".join(f"#{name} = if_not_exists(#{name}, :{name})" for name in start if name != "status")
    key = _token_key(instance.token_hash)
    return update(TOKENS, key, f"SET #status = :status, {sets}", **start | _status_of(instance))


def sealed_key(instance_id: str, text: str) -> Row:
    """Return the attribute that keeps an instance's own key, sealed for the instance.

    Raises:
        Unavailable: this deployment has no key to seal with.
    """
    try:
        return {"sealedKey": seal(text, place=_place(instance_id))}
    except ValueError as error:
        raise Unavailable("This desk can't store secrets yet. Its operator has to set its secret key.") from error


def unsealed_key(row: Row) -> str:
    """Return an instance's own key from its row.

    Raises:
        ValueError: it was sealed with another deployment's key.
    """
    return unseal(row["sealedKey"], place=_place(row["sk"]))


def _place(instance_id: str) -> str:
    return f"INSTANCES/{instance_id}"


def _token_key(token_hash: str) -> Row:
    return {"pk": f"{InstanceCredential.PLATFORM.name}#{token_hash}"}


def _status_of(instance: Instance) -> Row:
    return {"status": (TokenStatus.ACTIVE if instance.is_active else TokenStatus.DISABLED).value}
