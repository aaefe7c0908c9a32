"""Web Push subscriptions, in the table `directory`: USER#<id> / PUSH#<subscription id>; endpoint, createdAt.

Their number is kept beside the person's sockets, in the table `sockets`: pk = <user id>, sk = WEBPUSH; browsers. So
publishing reads it together with the listeners.
The desk's public key: DESK / VAPID; publicKey (see push_keys)
"""

from typing import Any

from chalicelib.core.domain import bounds
from chalicelib.core.domain.errors import Conflict
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import EXISTS, check, delete, put_new, update
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get, query_partition
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.live.domain.push import Subscription
from chalicelib.people.stores.directory_rows import PUSH_SUBSCRIPTION
from chalicelib.resources import DIRECTORY, SOCKETS

MARK = "WEBPUSH"
DESK_KEYS = {"pk": "DESK", "sk": "VAPID"}


class DynamoPush:
    def find_public_key(self) -> str | None:
        """Find the public key that browsers subscribe with; None if the desk has no keys. One store call."""
        row = get(DIRECTORY, DESK_KEYS, consistent=False)
        return str(row["publicKey"]) if row else None

    def list_subscriptions(self, user_id: str) -> list[Subscription]:
        """List a person's subscriptions, oldest first. One store call."""
        rows = query_partition(DIRECTORY, f"USER#{user_id}", PUSH_SUBSCRIPTION)
        found = [Subscription(user_id, row["endpoint"], row["createdAt"]) for row in rows]
        return sorted(found, key=lambda each: (each.created_at, each.subscription_id))

    def add(self, subscription: Subscription, *, claim: Claim | None, reply: dict[str, Any]) -> None:
        """Store a subscription; one that exists stays as it is. One store call; two if it exists.

        Raises:
            Conflict: the person has all the subscriptions they may have.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        key = _key(subscription.user_id, subscription.subscription_id)
        row = key | {"endpoint": subscription.endpoint, "createdAt": subscription.created_at}
        try:
            commit([put_new(DIRECTORY, row), _count(subscription.user_id, 1)], claim=claim, reply=reply)
        except Refused as refused:
            if 0 not in refused.failed:
                bounds.BROWSERS.note_met(subscription.user_id)
                raise Conflict(
                    f"A person has at most {bounds.BROWSERS.most} subscriptions. Remove one first."
                ) from refused
            if claim:
                commit([check(DIRECTORY, key, EXISTS)], claim=claim, reply=reply)

    def remove(self, user_id: str, subscription_id: str, *, claim: Claim | None) -> bool:
        """Delete a subscription; False if there is none. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        key = _key(user_id, subscription_id)
        return try_commit([delete(DIRECTORY, key, EXISTS), _count(user_id, -1)], claim=claim)


def _count(user_id: str, change: int) -> Action:
    return update(
        SOCKETS,
        {"pk": user_id, "sk": MARK},
        "ADD browsers :change",
        "attribute_not_exists(browsers) OR browsers < :end",
        change=change,
        # Taking one away is never too much.
        end=bounds.BROWSERS.most + (change < 0),
    )


def _key(user_id: str, subscription_id: str) -> Row:
    return {"pk": f"USER#{user_id}", "sk": f"{PUSH_SUBSCRIPTION}{subscription_id}"}
