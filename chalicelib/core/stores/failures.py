"""Reasons of failed messages, in the table `idempotency`.

pk = FAILURE#<message id>; reason, at; expiresAt is the table's TTL
"""

from collections.abc import Iterable
from datetime import datetime

from chalicelib import retention
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.actions import put
from chalicelib.core.stores.reads import get_all
from chalicelib.core.stores.writes import commit
from chalicelib.resources import IDEMPOTENCY

_PREFIX = "FAILURE#"

# What a worker that notes its failures may do.
NOTE_FAILURE = IDEMPOTENCY.can("PutItem")


class DynamoFailures:
    def note(self, message_id: str, reason: str, *, now: datetime) -> None:
        """Store the reason of a message's last failure. One store call."""
        row = {"pk": f"{_PREFIX}{message_id}", "reason": reason, "at": timestamp(now)}
        expires = {"expiresAt": int((now + retention.FAILURES.kept).timestamp())}
        commit([put(IDEMPOTENCY, row | expires)])

    def find(self, message_ids: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Map message ids to reason and time of the last failure, if stored. Store calls in sequence: 1."""
        rows = get_all(IDEMPOTENCY, [{"pk": f"{_PREFIX}{each}"} for each in message_ids])
        return {row["pk"].removeprefix(_PREFIX): (row["reason"], row["at"]) for row in rows}
