"""Idempotency records. Most are written in the transaction they protect (see writes)."""

from typing import Any

from chalicelib.core.domain.errors import IdempotencyConflict
from chalicelib.core.domain.idempotency import AlreadyAnswered, Claim, ReplyRecord
from chalicelib.core.stores.actions import delete, update
from chalicelib.core.stores.reads import get
from chalicelib.core.stores.writes import Refused, commit, pack_reply, record_action, to_reply_record, try_commit
from chalicelib.resources import IDEMPOTENCY

_UNANSWERED = "nonce = :begun AND attribute_not_exists(reply)"


class DynamoIdempotency:
    """The table `idempotency`: pk = scope; userId, fingerprint, nonce, reply once there is one; expiresAt is its TTL.

    userId is whose call it was, if a person's.
    """

    def find(self, claim: Claim) -> ReplyRecord | None:
        """Find the reply of an earlier call under the same claim, at most 24 hours old. One store call."""
        record = get(IDEMPOTENCY, {"pk": claim.scope})
        if record is None or "reply" not in record or record["expiresAt"] <= claim.now:
            return None
        return to_reply_record(record)

    def begin(self, claim: Claim) -> str:
        """Store the record of a call before effects that can't be in one transaction with it. One store call.

        Returns the nonce of the first attempt under this claim; every attempt derives its effects from it.

        Raises:
            AlreadyAnswered: the call has a reply.
            IdempotencyConflict: the key is in use for another body.
        """
        row = {"pk": claim.scope, "fingerprint": claim.fingerprint, "nonce": claim.nonce, "expiresAt": claim.expires_at}
        try:
            commit([record_action(row, claim)])
        except Refused as refused:
            record = refused.rows[0]
            if "reply" in record:
                raise AlreadyAnswered(to_reply_record(record)) from refused
            if record["fingerprint"] != claim.fingerprint:
                raise IdempotencyConflict(
                    "This Idempotency-Key is in use with another body. Use a new key."
                ) from refused
            return str(record["nonce"])
        return claim.nonce

    def finish(self, claim: Claim, begun: str, *, reply: dict[str, Any]) -> None:
        """Store the reply of a call that was begun. One store call.

        Raises:
            AlreadyAnswered: another attempt has stored a reply.
        """
        key, named = {"pk": claim.scope}, {"begun": begun, "reply": pack_reply(reply)}
        try:
            commit([update(IDEMPOTENCY, key, "SET reply = :reply", _UNANSWERED, **named)])
        except Refused as refused:
            raise AlreadyAnswered(to_reply_record(refused.rows[0])) from refused

    def amend(self, claim: Claim, *, reply: dict[str, Any]) -> None:
        """Replace the reply that this call has stored. One store call."""
        key, named = {"pk": claim.scope}, {"nonce": claim.nonce, "reply": pack_reply(reply)}
        try_commit([update(IDEMPOTENCY, key, "SET reply = :reply", "nonce = :nonce", **named)])

    def abandon(self, claim: Claim, begun: str) -> None:
        """Delete the record of a call that was refused before it had any effect. One store call."""
        try_commit([delete(IDEMPOTENCY, {"pk": claim.scope}, _UNANSWERED, begun=begun)])
