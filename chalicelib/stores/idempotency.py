"""Idempotency records: read here, written with the effect they guard (see writes)."""

from typing import Any

from chalicelib.aws import dynamodb
from chalicelib.domain.idempotency import Answered, Claim
from chalicelib.resources import IDEMPOTENCY
from chalicelib.stores.items import from_item, to_item
from chalicelib.stores.writes import answered, commit


class DynamoIdempotency:
    """The table `idempotency`: pk = scope; fingerprint, reply, nonce; expiresAt is the table's TTL."""

    def find(self, claim: Claim) -> Answered | None:
        """What a call under the same claim was answered in the last 24 hours. One store call."""
        got = dynamodb().get_item(
            TableName=IDEMPOTENCY.physical_name, Key=to_item({"pk": claim.scope}), ConsistentRead=True
        )
        if "Item" not in got:
            return None
        record = from_item(dict(got["Item"]))
        return answered(record) if record["expiresAt"] > claim.now else None

    def remember(self, claim: Claim, *, reply: dict[str, Any]) -> None:
        """Keep the reply of a call whose effects could not be written with it. One store call.

        Raises:
            AlreadyAnswered: another call under the same claim was answered in the meantime.
        """
        commit([], claim=claim, reply=reply)
