"""Messages sent by e-mail, in the table `deliveries`: <delivery id, or digest id> / MAIL#<message id>.

userId, state, number, attemptId, at, place; result, leaseUntil, nextAt, providerId. A row ends with its delivery
or digest.

How many messages began in an hour, in the table `idempotency`: pk = MAILS#<user id>#<hour of the clock>

number; expiresAt is the table's TTL
"""

from datetime import UTC, datetime, timedelta

from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.actions import EXISTS, NEW, check, put, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.stores.delivery_rows import delivery_key, end_with
from chalicelib.reach.domain.digests import Digest
from chalicelib.reach.domain.sent_mails import MOST_AN_HOUR, SentMail
from chalicelib.reach.stores.digests import digest_key
from chalicelib.resources import DELIVERIES, IDEMPOTENCY

_IS = "attemptId = :seen"
_SENT = Codec(SentMail, without=("delivery_id", "message_id"))


class DynamoSentMails:
    def find(self, delivery_id: str, message_id: str) -> SentMail | None:
        """Find what became of a message. One store call."""
        row = get(DELIVERIES, _key(delivery_id, message_id))
        return _SENT.from_row(row, delivery_id=delivery_id, message_id=message_id) if row else None

    def begin(self, begun: SentMail, about: Delivery | Digest, *, over: SentMail | None, now: datetime) -> bool:
        """Store that an attempt begins, in place of `over`; False if the person had the most messages of this hour.

        The first attempt of a message is counted. One store call.

        Raises:
            NotFound: the delivery or digest is gone.
            ValueError: another worker has begun an attempt meanwhile.
        """
        row = _key(begun.delivery_id, begun.message_id) | _SENT.to_row(begun) | _end_with(about)
        mine = put(DELIVERIES, row, _IS, seen=over.attempt_id) if over else put(DELIVERIES, row, NEW)
        counted = [] if over else [_count(begun.user_id, now)]
        try:
            commit([mine, check(DELIVERIES, _key_of(about), EXISTS), *counted])
        except Refused as refused:
            if 0 in refused.failed:
                if refused.rows[0].get("attemptId") == begun.attempt_id:
                    return True  # written by a retry below us
                raise ValueError("another worker has begun this message") from refused
            if 1 in refused.failed:
                raise NotFound("What this message is about is gone.") from refused
            return False
        return True

    def count_test(self, user_id: str, *, now: datetime) -> bool:
        """Count a test message; False if the person had the most messages of this hour. One store call."""
        return try_commit([_count(user_id, now)], tokened=True)

    def record(self, ended: SentMail, about: Delivery | Digest) -> bool:
        """Store what became of an attempt; False if another has begun meanwhile. One store call."""
        row = _key(ended.delivery_id, ended.message_id) | _SENT.to_row(ended) | _end_with(about)
        return try_commit([put(DELIVERIES, row, _IS, seen=ended.attempt_id)])


def _key(delivery_id: str, message_id: str) -> Row:
    return {"pk": delivery_id, "sk": f"MAIL#{message_id}"}


def _key_of(about: Delivery | Digest) -> Row:
    if isinstance(about, Digest):
        return digest_key(about.user_id, about.digest_id)
    return delivery_key(about.delivery_id)


def _end_with(about: Delivery | Digest) -> Row:
    return {"expiresAt": about.ends_at} if isinstance(about, Digest) else end_with(about)


def _count(user_id: str, now: datetime) -> dict[str, dict[str, object]]:
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return update(
        IDEMPOTENCY,
        {"pk": f"MAILS#{user_id}#{timestamp(hour)[:13]}"},
        "SET expiresAt = :expires ADD #number :one",
        f"{NEW} OR #number < :most",
        expires=int((hour + timedelta(days=1)).timestamp()),
        one=1,
        most=MOST_AN_HOUR,
    )
