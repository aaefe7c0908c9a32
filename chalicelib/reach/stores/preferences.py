"""A person's preferences, in the table `directory`: USER#<id> / PREFERENCES; preferences, by their names on the wire;
version; muted: how many deliveries their rules have marked as read, if any; and apart, since functions of earlier
releases refuse what they don't know: waits; digest; emailRules: the ways of the rules with `email` or `digest`, and of
which version; staysRead: if what was read stays read when its event is sent again.

While they change anything, `preferences` is among the reasons to reach the person by a worker (see live.stores.push).
"""

from typing import Any

from chalicelib.core.domain.errors import Forbidden
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.domain.severity import Severity
from chalicelib.core.stores.actions import EXISTS, check, update
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.stores.delivery_rows import state_update
from chalicelib.live.stores.push import mark_reach
from chalicelib.people.stores.directory_rows import has_always_critical, person_key
from chalicelib.reach.domain.preferences import Preferences, StoredPreferences, Subject, Way, is_muted
from chalicelib.resources import DIRECTORY

_REASON = "preferences"
_BY_EMAIL, _INBOX = frozenset((Way.EMAIL.value, Way.DIGEST.value)), Way.INBOX.value


class DynamoPreferences:
    def find(self, user_id: str) -> StoredPreferences:
        """Find a person's preferences, which change nothing for a person who has never set any. One store call."""
        row = get(DIRECTORY, _key(user_id))
        if row is None:
            return StoredPreferences(Preferences())
        waits = {kind: int(wait) for kind, wait in row.get("waits", {}).items()}
        wire = (
            row["preferences"]
            | {"unreadOnRepeat": not row.get("staysRead", False)}
            | ({"waits": waits} if waits else {})
            | ({"digest": row["digest"]} if "digest" in row else {})
        )
        apart = row.get("emailRules")
        if apart and apart["version"] == row["version"]:
            wire["rules"] = _with_email(wire.get("rules", []), apart["ways"])
        found = Preferences.model_validate(wire)
        return StoredPreferences(found, int(row["version"]), int(row.get("muted", 0)))

    def save(
        self, user_id: str, preferences: Preferences, *, seen: int, claim: Claim | None, reply: dict[str, Any]
    ) -> bool:
        """Replace the preferences with the version `seen`; False if they have another one. One store call.

        Raises:
            Forbidden: the person is gone.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        wire = preferences.to_wire()
        waits = {kind: wait for kind, wait in wire.pop("waits", {}).items() if wait is not None}
        rules, with_email = _without_email(wire.get("rules", []))
        wire |= {"rules": rules} if rules else {}
        email_rules = {"version": seen + 1, "ways": with_email} if with_email else {}
        apart: Row = {
            "waits": waits,
            "digest": wire.pop("digest", {}),
            "emailRules": email_rules,
            "staysRead": not preferences.unread_on_repeat,
        }
        named = {name: value for name, value in apart.items() if value}
        gone = [name for name in apart if name not in named]
        changes = "".join(f", {name} = :{name}" for name in named) + (f" REMOVE {', '.join(gone)}" if gone else "")
        stored = update(
            DIRECTORY,
            _key(user_id),
            f"SET preferences = :preferences, #version = :next{changes}",
            "#version = :seen" if seen else "attribute_not_exists(pk)",
            preferences=wire,
            **named,
            next=seen + 1,
            **({"seen": seen} if seen else {}),
        )
        marked = mark_reach(user_id, _REASON, is_on=not preferences.are_default)
        try:
            commit([stored, marked, check(DIRECTORY, person_key(user_id), EXISTS)], claim=claim, reply=reply)
        except Refused as refused:
            if 0 in refused.failed:
                return False
            raise Forbidden("The owner of these preferences is no employee.") from refused
        return True

    def returns_read(self, delivery: Delivery) -> bool:
        """Whether a repeat of its event brings back a delivery that its recipient has read.

        One store call; one more for a critical event that a rule mutes.
        """
        found = self.find(str(delivery.recipient_user_id)).preferences
        event = Subject(delivery.integrator, delivery.event_type, Severity(delivery.severity))
        return found.unread_on_repeat and not is_muted(found, event, has_always_critical=has_always_critical)

    def mute(self, before: Delivery, after: Delivery) -> bool:
        """Mark a delivery as read, and count it; False if its state has changed. One store call."""
        counted = update(DIRECTORY, _key(str(before.recipient_user_id)), "ADD muted :one", EXISTS, one=1)
        return try_commit([state_update(before, after), counted])


def _without_email(rules: list[Any]) -> tuple[list[Any], dict[str, list[str]]]:
    """Return rules as functions of earlier releases read them, and the ways of those with e-mail by their position."""
    ways = {str(place): each["ways"] for place, each in enumerate(rules) if _BY_EMAIL.intersection(each["ways"])}
    return [{**each, "ways": [way for way in each["ways"] if way not in _BY_EMAIL] or [_INBOX]} for each in rules], ways


def _with_email(rules: list[Any], ways: dict[str, list[str]]) -> list[Any]:
    return [{**each, "ways": ways.get(str(place), each["ways"])} for place, each in enumerate(rules)]


def _key(user_id: str) -> Row:
    return {"pk": f"USER#{user_id}", "sk": "PREFERENCES"}
