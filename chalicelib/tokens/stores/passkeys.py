"""Passkeys and their challenges, in the table `tokens` (see tokens).

pk = PASSKEY#<sha-256 of the credential's id>: userId, public key, and its counter
pk = PASSKEYS#<user id>: the hashes of a person's passkeys, which bound how many there are
pk = CHALLENGE#<sha-256 of a challenge>: browser, and userId if a passkey is added, until expiresAt
Times are in epoch seconds. The table's TTL deletes challenges some time after `deleteAt`.
"""

import base64
import hashlib
from datetime import datetime

from chalicelib.core.domain import bounds
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.errors import Conflict, Forbidden
from chalicelib.core.domain.idempotency import Claim, StoredReply
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import delete, put, put_new, update
from chalicelib.core.stores.codec import Codec, Column
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get, get_all
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.ids import MintedToken, PresentedToken
from chalicelib.people.stores.directory_rows import active_person_check
from chalicelib.resources import TOKENS
from chalicelib.tokens.domain.passkeys import CHALLENGE_LIFETIME, Challenge, Passkey, Used
from chalicelib.tokens.stores.token_rows import token_key

_BINARY = Column(to_row=lambda raw: base64.b64encode(raw).decode(), from_row=base64.b64decode)
_PASSKEY = Codec(
    Passkey,
    {"credential_id": _BINARY, "public_key": _BINARY},
    without=("passkey_id", "last_used_at", "counted_back_at"),
)
_HOUR = 3600
_OPEN = "browser = :browser AND expiresAt > :now"


class DynamoPasskeys:
    def add_challenge(self, challenge: MintedToken, browser: str, user_id: str | None, *, now: datetime) -> None:
        """Store a challenge for a browser. One store call."""
        ends = int((now + CHALLENGE_LIFETIME).timestamp())
        owner = {"userId": user_id} if user_id else {}
        row = token_key(challenge) | owner | {"browser": browser, "expiresAt": ends, "deleteAt": ends + _HOUR}
        commit([put(TOKENS, row)])

    def find_challenge(self, challenge: PresentedToken) -> Challenge | None:
        """Find a challenge that was not used. One store call."""
        row = get(TOKENS, token_key(challenge))
        return _challenge_from_row(row) if row else None

    def find_both(self, challenge: PresentedToken, credential_id: bytes) -> tuple[Challenge | None, Passkey | None]:
        """Find a challenge that was not used, and the passkey of a credential. One store call."""
        keys = (token_key(challenge), _key(hash_of(credential_id)))
        rows = {row["pk"]: row for row in get_all(TOKENS, keys)}
        asked, passkey = (rows.get(key["pk"]) for key in keys)
        return (_challenge_from_row(asked) if asked else None, _from_row(passkey) if passkey else None)

    def drop_challenge(self, challenge: PresentedToken) -> None:
        """Use a challenge up. One store call."""
        commit([delete(TOKENS, token_key(challenge))])

    def add(self, passkey: Passkey, challenge: PresentedToken, browser: str, *, now: datetime) -> None:
        """Store a new passkey, in the place of its challenge. One store call.

        Raises:
            Conflict: the challenge was used, the passkey is known, or the person has as many as they may.
            Forbidden: the person is not active.
        """
        added, room = {passkey.passkey_id}, "attribute_not_exists(hashes) OR size(hashes) < :most"
        actions = [
            delete(TOKENS, token_key(challenge), _OPEN, browser=browser, now=int(now.timestamp())),
            put_new(TOKENS, _key(passkey.passkey_id) | _PASSKEY.to_row(passkey)),
            update(
                TOKENS,
                _owner_key(passkey.user_id),
                "ADD hashes :added",
                room,
                added=added,
                most=bounds.PASSKEYS.most,
            ),
            active_person_check(passkey.user_id),
        ]
        try:
            commit(actions, audited=Subject("passkey", passkey.passkey_id, passkey.user_id))
        except Refused as refused:
            match refused.failed[0]:
                case 0:
                    raise Conflict("This took too long, or was done already. Try again.") from refused
                case 1:
                    raise Conflict("This passkey was added before.") from refused
                case 2:
                    bounds.PASSKEYS.note_met(passkey.user_id)
                    raise Conflict(
                        f"You have {bounds.PASSKEYS.most} passkeys, the most there can be. Remove one first."
                    ) from refused
            raise Forbidden("You are not an active employee.") from refused

    def use_actions(
        self, passkey: Passkey, used: Used, challenge: PresentedToken, browser: str, *, now: datetime
    ) -> list[Action]:
        """Return the actions that use a challenge up and note the use of a passkey."""
        seconds = int(now.timestamp())
        # A count that another sign-in has reached since is as good as a copy's.
        counted = "signCount < :count" if used.sign_count else "signCount = :count"
        note = update(
            TOKENS,
            _key(passkey.passkey_id),
            "SET signCount = :count, backedUp = :backed, lastUsedAt = :now",
            f"userId = :owner AND {counted}",
            count=used.sign_count,
            backed=used.backed_up,
            now=seconds,
            owner=passkey.user_id,
        )
        return [delete(TOKENS, token_key(challenge), _OPEN, browser=browser, now=seconds), note]

    def note_counted_back(self, passkey: Passkey, *, now: datetime) -> None:
        """Note that somebody signed with a smaller count. One store call."""
        try_commit(
            [
                update(
                    TOKENS,
                    _key(passkey.passkey_id),
                    "SET countedBackAt = :now",
                    "userId = :owner",
                    now=int(now.timestamp()),
                    owner=passkey.user_id,
                )
            ]
        )

    def list_of(self, user_id: str) -> list[Passkey]:
        """List a person's passkeys, newest first. Two store calls; one when there are none."""
        row = get(TOKENS, _owner_key(user_id))
        keys = [_key(each) for each in sorted(row.get("hashes", ()))] if row else []
        found = [_from_row(each) for each in get_all(TOKENS, keys)] if keys else []
        return sorted(found, key=lambda each: each.created_at, reverse=True)

    def rename(self, passkey_id: str, name: str, *, user_id: str, claim: Claim | None, reply: StoredReply) -> bool:
        """Give a passkey another name; False if it is unknown, or not of this person. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        action = update(TOKENS, _key(passkey_id), "SET #name = :name", "userId = :owner", name=name, owner=user_id)
        return try_commit([action], claim=claim, reply=reply)

    def remove(self, passkey_id: str, *, user_id: str, claim: Claim | None = None) -> bool:
        """Delete a passkey; False if it is unknown, or not of this person. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        actions = [
            delete(TOKENS, _key(passkey_id), "userId = :owner", owner=user_id),
            update(TOKENS, _owner_key(user_id), "DELETE hashes :removed", removed={passkey_id}),
        ]
        return try_commit(actions, claim=claim, audited=Subject("passkey", passkey_id, user_id))


def hash_of(credential_id: bytes) -> str:
    return hashlib.sha256(credential_id).hexdigest()


def _key(passkey_id: str) -> Row:
    return {"pk": f"PASSKEY#{passkey_id}"}


def _owner_key(user_id: str) -> Row:
    return {"pk": f"PASSKEYS#{user_id}"}


def _challenge_from_row(row: Row) -> Challenge:
    return Challenge(row["browser"], int(row["expiresAt"]), row.get("userId"))


def _from_row(row: Row) -> Passkey:
    used, back = row.get("lastUsedAt"), row.get("countedBackAt")
    return _PASSKEY.from_row(
        row,
        passkey_id=row["pk"].partition("#")[2],
        last_used_at=None if used is None else int(used),
        counted_back_at=None if back is None else int(back),
    )
