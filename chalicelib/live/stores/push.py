"""Web Push subscriptions, in the table `directory`: USER#<id> / PUSH#<subscription id>; endpoint, createdAt;
publicKey, sealedAuth: the browser's keys, if it gave them, its secret sealed (see vault); rows of earlier releases
have it in clear, as authSecret, until `admin reseal` or the browser's next subscription; failures: in a row, if any;
state, stoppedAt, reason: only of a stopped one.

The number of active ones is kept beside the person's sockets, in the table `sockets`: pk = <user id>, sk = WEBPUSH;
browsers; reach: what says how the person is reached otherwise, if anything does (see `mark_reach`). So publishing reads
it together with the listeners. The desk's public key: DESK / VAPID; publicKey (see push_keys)
"""

from typing import Any

from chalicelib.core.domain import bounds
from chalicelib.core.domain.errors import Conflict
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import EXISTS, assignments, check, delete, put_new, update
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get, query_partition
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.live.domain.push import BrowserKeys, Subscription, SubscriptionState
from chalicelib.live.stores.sockets import BROWSERS_MARK
from chalicelib.people.stores.directory_rows import PUSH_SUBSCRIPTION
from chalicelib.resources import DIRECTORY, SOCKETS
from chalicelib.vault import seal, unseal

DESK_KEYS = {"pk": "DESK", "sk": "VAPID"}


class DynamoPush:
    def find_public_key(self) -> str | None:
        """Find the public key that browsers subscribe with; None if the desk has no keys. One store call."""
        row = get(DIRECTORY, DESK_KEYS, consistent=False)
        return str(row["publicKey"]) if row else None

    def list_subscriptions(self, user_id: str) -> list[Subscription]:
        """List a person's subscriptions, oldest first. One store call."""
        rows = query_partition(DIRECTORY, f"USER#{user_id}", PUSH_SUBSCRIPTION)
        found = [_from_row(user_id, row) for row in rows]
        return sorted(found, key=lambda each: (each.created_at, each.subscription_id))

    def open_keys(self, subscription: Subscription) -> BrowserKeys | None:
        """Return a stored subscription's keys with its secret in clear; None if it has none. No store call.

        Raises:
            ValueError: no key of this deployment opens the secret.
        """
        keys = subscription.keys
        if keys is None or not keys.is_sealed:
            return keys
        place = secret_place(subscription.user_id, subscription.subscription_id)
        return BrowserKeys(keys.public_key, unseal(keys.auth_secret, place=place))

    def add(self, subscription: Subscription, *, claim: Claim | None, reply: dict[str, Any]) -> None:
        """Store a subscription. One that exists stays as it is, and is resumed if it was stopped.

        One store call; two if it exists.

        Raises:
            Conflict: the person has all the subscriptions they may have.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        key = _key(subscription.user_id, subscription.subscription_id)
        row = (
            key | {"endpoint": subscription.endpoint, "createdAt": subscription.created_at} | _key_fields(subscription)
        )
        try:
            commit([put_new(DIRECTORY, row), _count(subscription.user_id, 1)], claim=claim, reply=reply)
        except Refused as refused:
            if 0 not in refused.failed:
                raise _full(subscription.user_id) from refused
            if "state" in refused.rows[0]:
                self._resume(subscription, claim=claim, reply=reply)
            elif subscription.keys and "sealedAuth" not in refused.rows[0]:
                # An earlier release stored it without its keys, or with its secret in clear.
                sets = _key_fields(subscription)
                change = update(DIRECTORY, key, f"SET {assignments(sets)} REMOVE authSecret", EXISTS, **sets)
                commit([change], claim=claim, reply=reply)
            elif claim:
                commit([check(DIRECTORY, key, EXISTS)], claim=claim, reply=reply)

    def _resume(self, subscription: Subscription, *, claim: Claim | None, reply: dict[str, Any]) -> None:
        key = _key(subscription.user_id, subscription.subscription_id)
        resumed = update(
            DIRECTORY,
            key,
            "SET createdAt = :at REMOVE #state, stoppedAt, reason, failures",
            "attribute_exists(#state)",
            at=subscription.created_at,
        )
        try:
            commit([resumed, _count(subscription.user_id, 1)], claim=claim, reply=reply)
        except Refused as refused:
            # Another call has resumed it, or removed it.
            raise (
                _full(subscription.user_id)
                if 0 not in refused.failed
                else Conflict("The subscription changed at the same time. Try again.")
            ) from refused

    def remove(self, user_id: str, subscription_id: str, *, claim: Claim | None) -> bool:
        """Delete a subscription; False if there is none. One store call; two if it has stopped or is gone.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        key = _key(user_id, subscription_id)
        active = f"{EXISTS} AND attribute_not_exists(#state)"
        if try_commit([delete(DIRECTORY, key, active), _count(user_id, -1)], claim=claim):
            return True
        return try_commit([delete(DIRECTORY, key, "attribute_exists(#state)")], claim=claim)

    def save_failures(self, subscription: Subscription, failures: int) -> None:
        """Store the number of failures in a row, unless it has changed. One store call."""
        seen = "failures = :seen" if subscription.failures else "attribute_not_exists(failures)"
        key = _key(subscription.user_id, subscription.subscription_id)
        condition = f"{EXISTS} AND attribute_not_exists(#state) AND {seen}"
        named = {"seen": subscription.failures} if subscription.failures else {}
        if failures:
            try_commit([update(DIRECTORY, key, "SET failures = :failures", condition, failures=failures, **named)])
        else:
            try_commit([update(DIRECTORY, key, "REMOVE failures", condition, **named)])

    def stop(self, stopped: Subscription) -> bool:
        """Store that a subscription has stopped; False if it had, or is gone. One store call."""
        sets = {"state": stopped.state.value, "stoppedAt": stopped.stopped_at, "reason": stopped.reason}
        key = _key(stopped.user_id, stopped.subscription_id)
        condition = f"{EXISTS} AND attribute_not_exists(#state)"
        return try_commit(
            [update(DIRECTORY, key, f"SET {assignments(sets)}", condition, **sets), _count(stopped.user_id, -1)]
        )


def _from_row(user_id: str, row: Row) -> Subscription:
    return Subscription(
        user_id,
        row["endpoint"],
        row["createdAt"],
        _keys(row),
        SubscriptionState(row.get("state", SubscriptionState.ACTIVE)),
        int(row.get("failures", 0)),
        row.get("stoppedAt"),
        row.get("reason"),
    )


def _keys(row: Row) -> BrowserKeys | None:
    if "sealedAuth" in row:
        return BrowserKeys(row["publicKey"], row["sealedAuth"], is_sealed=True)
    return BrowserKeys(row["publicKey"], row["authSecret"]) if "authSecret" in row else None


def _key_fields(subscription: Subscription) -> Row:
    if subscription.keys is None:
        return {}
    place = secret_place(subscription.user_id, subscription.subscription_id)
    return {
        "publicKey": subscription.keys.public_key,
        "sealedAuth": seal(subscription.keys.auth_secret, place=place),
    }


def secret_place(user_id: str, subscription_id: str, /) -> str:
    """Return the place that the secret of a browser is sealed for."""
    return f"USER#{user_id}/{PUSH_SUBSCRIPTION}{subscription_id}"


def _full(user_id: str) -> Conflict:
    bounds.BROWSERS.note_met(user_id)
    return Conflict(f"A person has at most {bounds.BROWSERS.most} subscriptions. Remove one first.")


def _count(user_id: str, change: int) -> Action:
    return update(
        SOCKETS,
        {"pk": user_id, "sk": BROWSERS_MARK},
        "ADD browsers :change",
        "attribute_not_exists(browsers) OR browsers < :end",
        change=change,
        # Taking one away is never too much.
        end=bounds.BROWSERS.most + (change < 0),
    )


def mark_reach(user_id: str, reason: str, *, is_on: bool) -> Action:
    """Return the action that adds a reason to reach the person by a worker, or takes it away; either may be repeated.

    Publishing sends the person's deliveries to the worker as long as there is a reason, such as `preferences` or the
    id of a channel.
    """
    change = "ADD reach :reasons" if is_on else "DELETE reach :reasons"
    # Releases before this one read `browsers` of every such row.
    return update(
        SOCKETS,
        {"pk": user_id, "sk": BROWSERS_MARK},
        f"SET browsers = if_not_exists(browsers, :none) {change}",
        none=0,
        reasons={reason},
    )


def _key(user_id: str, subscription_id: str) -> Row:
    return {"pk": f"USER#{user_id}", "sk": f"{PUSH_SUBSCRIPTION}{subscription_id}"}
