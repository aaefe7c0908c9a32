"""The table `tokens`: one row for each grant, with its counters and the hashes of its secrets.

pk = TOOLS#<token id>, PERSONAL#<grant id>, SCIM#<token id> (see scim_tokens), or KEY#<sha-256 of the key>
secretHash, priorHash until priorExpiresAt (epoch seconds), status, expiresAt (epoch seconds)
pk = INGEST#<sha-256 of an ingest token>: see ingest_tokens
pk = PLATFORM#<sha-256 of a platform token>, INSTANCE#<sha-256 of an instance key>: see instances
pk = KEYID#<key id>: hash and userId of a key, to find it by its id
pk = KEYS#<user id>: keyIds of the person's keys, to bound their number; keys older than this row are not among them
index owner: keyOwner, createdAt; keyOwner = <user id> of a key, PERSONAL#<user id>, TOOLS for all tools tokens, or SCIM
minute, minuteUsed: units used in the current minute; day, dayLeft: deliveries left of the current UTC day
minuteLeft: what a key has drawn of its person's minute and not spent (see person_budgets)
"""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.core.domain import bounds
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.errors import Conflict, Forbidden, NotFound
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import EXISTS, NEW, check, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get, get_all
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.ids import MintedToken
from chalicelib.people.stores.directory_rows import active_person_check
from chalicelib.resources import TOKENS
from chalicelib.tokens.domain.tokens import GrantState, KeyGrant, PersonalGrant, ToolsGrant, prior_expiry
from chalicelib.tokens.stores.token_rows import START, grant_key, token_key, tools_key

TOOLS_OWNER = "TOOLS"
_REPLACE_SECRET = "SET secretHash = :hash REMOVE priorHash, priorExpiresAt"

_PERSONAL = Codec(PersonalGrant, without=("grant_id",))
_TOOLS = Codec(ToolsGrant, {"owner_id": "userId"}, without=("token_id",))
# Places of the members of the transaction that adds a key.
_OWNER, _KEY_COUNT = 2, 3
_KEY = Codec(KeyGrant, without=("expires_at", "created_by"))


class DynamoTokens:
    def add_personal(self, grant: PersonalGrant, token: MintedToken, *, now: datetime) -> None:
        """Store a new personal grant with its first secret; Conflict if the grant exists. One store call."""
        self._add(token, personal_row(grant, now))

    def add_tools(
        self,
        grant: ToolsGrant,
        token: MintedToken,
        *,
        now: datetime,
        claim: Claim | None = None,
        reply: Row | None = None,
    ) -> None:
        """Store a new tools token; Conflict if the token exists. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        row = {"keyOwner": TOOLS_OWNER, "createdAt": timestamp(now)} | _TOOLS.to_row(grant)
        self._add(token, row, claim, reply)

    def add_key(
        self,
        grant: KeyGrant,
        token: MintedToken,
        *,
        now: datetime,
        claim: Claim | None = None,
        reply: Row | None = None,
    ) -> None:
        """Store a new `dvd_` key, and the row that finds it by its id. One store call.

        Raises:
            Forbidden: the owner is not an active employee.
            Conflict: the key exists, or the owner has too many keys.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        row = {"keyOwner": grant.user_id, "createdAt": timestamp(now), "dailyLimit": 0} | _KEY.to_row(grant)
        if grant.expires_at:
            row["expiresAt"] = int(grant.expires_at.timestamp())
        if grant.created_by:
            row["createdBy"] = grant.created_by
        pointer = {"pk": f"KEYID#{grant.key_id}", "hash": token.row_id, "userId": grant.user_id}
        try:
            commit(
                [
                    put_new(TOKENS, new_token_row(token) | row),
                    put_new(TOKENS, pointer),
                    active_person_check(grant.user_id),
                    _count_key(grant),
                ],
                claim=claim,
                reply=reply,
                audited=Subject("key", grant.key_id, grant.user_id),
            )
        except Refused as refused:
            if _OWNER in refused.failed:
                raise Forbidden("The owner of this key is not an active employee.") from refused
            if list(refused.failed) == [_KEY_COUNT]:
                bounds.KEYS.note_met(grant.user_id)
                raise Conflict(f"A person has at most {bounds.KEYS.most} keys. Delete one first.") from refused
            raise Conflict("This key exists already.") from refused

    def rotate(
        self,
        token: MintedToken,
        *,
        now: datetime,
        at_once: bool = False,
        claim: Claim | None = None,
        reply: Row | None = None,
    ) -> datetime:
        """Make `token` the secret of its grant, and return the time until which the previous secret works.

        That is 24 hours from now, or with `at_once` now; older secrets end at once. All other columns stay.
        Concurrent rotations all take effect, in some order. One store call.

        Raises:
            NotFound: the grant is unknown.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        ends = now if at_once else prior_expiry(now)
        # An update reads the right-hand sides before it sets anything, so no rotation in between is lost.
        keep = "SET priorHash = secretHash, priorExpiresAt = :ends, secretHash = :hash"
        replace = update(
            TOKENS,
            token_key(token),
            _REPLACE_SECRET if at_once else keep,
            f"{EXISTS} AND secretHash <> :hash",
            hash=token.secret_hash,
            **({} if at_once else {"ends": int(ends.timestamp())}),
        )
        try:
            commit([replace], claim=claim, reply=reply, audited=True)
        except Refused as refused:
            # If the row has this secret already, an earlier attempt of this call has stored it.
            if not refused.rows[0]:
                raise NotFound("Token not found.") from refused
        return ends

    def find_integrator(self, tools_token_id: str) -> str | None:
        """Find the integrator of a tools token; None if the token is unknown. One store call."""
        row = get(TOKENS, tools_key(tools_token_id))
        return str(row["integrator"]) if row else None

    def find_grant_states(self, grant_ids: Sequence[str], *, now: datetime) -> dict[str, GrantState]:
        """Find the states of the personal grants that have been issued, read consistently.

        One store call per 100, made at the same time.
        """
        seconds = int(now.timestamp())
        found = {}
        for row in get_all(TOKENS, [grant_key(each) for each in grant_ids]):
            status = TokenStatus(row["status"])
            usable = status is TokenStatus.ACTIVE and row.get("expiresAt", seconds + 1) > seconds
            found[row["pk"].partition("#")[2]] = GrantState(status, usable)
        return found

    def replace_secret(self, token: MintedToken) -> None:
        """Make `token` the only secret of its grant. One store call."""
        commit([update(TOKENS, token_key(token), _REPLACE_SECRET, EXISTS, hash=token.secret_hash)])

    def _add(self, token: MintedToken, row: Row, claim: Claim | None = None, reply: Row | None = None) -> None:
        try:
            commit(
                [put_new(TOKENS, new_token_row(token) | row)],
                claim=claim,
                reply=reply,
                audited=Subject("toolsToken", token.row_id),
            )
        except Refused as refused:
            # Secrets are fresh, so a token that is there with this one was stored by a retry below us.
            if refused.rows[0].get("secretHash") != token.secret_hash:
                raise Conflict("This token exists already.") from refused


def keys_of_key(user_id: str) -> Row:
    """The key of the row that has the ids of a person's keys."""
    return {"pk": f"KEYS#{user_id}"}


def _count_key(grant: KeyGrant) -> Action:
    room = "attribute_not_exists(keyIds) OR size(keyIds) < :most"
    return update(
        TOKENS, keys_of_key(grant.user_id), "ADD keyIds :added", room, added={grant.key_id}, most=bounds.KEYS.most
    )


def personal_owner(user_id: str) -> str:
    """The partition of a person's personal tokens in the owner index, apart from their keys."""
    return f"PERSONAL#{user_id}"


def personal_row(grant: PersonalGrant, now: datetime) -> Row:
    """The columns of a personal grant, without its secret and its counters."""
    return {"keyOwner": personal_owner(grant.user_id), "createdAt": timestamp(now)} | _PERSONAL.to_row(grant)


def new_token_row(token: MintedToken) -> Row:
    """Return the key of a token's new row, with its secret and fresh counters."""
    return token_key(token) | START | {"secretHash": token.secret_hash}


def end_grant_action(grant_id: str, state: GrantState | None) -> Action:
    """End a personal grant, within a transaction, on the condition that its state has not changed.

    A disabled grant ends too, since it could be enabled later without its approval. For a revoked grant, or one that
    was never issued, only the condition is checked.
    """
    key = grant_key(grant_id)
    if state is None:
        return check(TOKENS, key, NEW)
    seen, condition = state.status.value, "#status = :seen"
    if state.status is TokenStatus.REVOKED:
        return check(TOKENS, key, condition, seen=seen)
    return update(TOKENS, key, "SET #status = :revoked", condition, seen=seen, revoked=TokenStatus.REVOKED.value)
