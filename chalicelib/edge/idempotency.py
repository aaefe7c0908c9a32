"""Turn an idempotency key into a claim, and find the stored reply to an earlier call under the claim."""

import hashlib
import json
from typing import Any

from chalicelib import sealing
from chalicelib.core.domain.callers import Caller
from chalicelib.core.domain.errors import IdempotencyConflict, Refusal
from chalicelib.core.domain.idempotency import REPLY_LIFETIME, AlreadyAnswered, Claim
from chalicelib.edge.parsing import IncomingRequest, Input
from chalicelib.ids import PresentedToken, new_nonce


def new_claim(request: IncomingRequest, given: Input, caller: Caller | None) -> Claim | None:
    """Make the caller's claim to have this call done once; None without a key."""
    if given.idempotency_key is None or caller is None:
        return None
    models = {name: given.arguments[name] for name in ("body", "query") if name in given.arguments}
    dumped = {name: model.model_dump(mode="json", exclude_unset=True) for name, model in models.items()}
    return Claim(
        scope=_digest([caller.identity, request.operation.__name__, dict(request.path), given.idempotency_key]),
        fingerprint=_digest(dumped),
        nonce=new_nonce(),
        now=int(request.now.timestamp()),
        expires_at=int((request.now + REPLY_LIFETIME).timestamp()),
        user_id=getattr(caller, "user_id", None),
    )


def stored_reply(
    request: IncomingRequest, ended: Refusal | AlreadyAnswered, claim: Claim | None, token: PresentedToken | None
) -> dict[str, Any]:
    """Find the reply to an earlier call under the claim. Store calls: 1 after a refusal.

    A refused call has no effect itself, but an earlier call under the same claim may have had one.

    Raises:
        Refusal: the refusal itself, where no earlier call had an effect.
        Conflict: the earlier call had another body, or its reply is sealed under another token.
    """
    replays = request.operation.family.replays
    stored = ended.answered if isinstance(ended, AlreadyAnswered) else replays.find(claim) if claim else None
    if stored is None:
        raise ended
    assert claim is not None
    assert token is not None
    if stored.fingerprint != claim.fingerprint:
        raise IdempotencyConflict("This Idempotency-Key was used with another body. Use a new key.")
    return sealing.open_reply(stored.reply, token.sealing_key)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
