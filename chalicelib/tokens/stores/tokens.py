"""The table `tokens`: one row a grant, with the hashes of its secrets and its counters.

pk = TOOLS#<token id>, PERSONAL#<grant id>, or KEY#<sha-256 of the key>
secretHash, priorHash until priorExpiresAt (epoch seconds), status, expiresAt (epoch seconds)
pk = PLATFORM#<sha-256 of a platform token>, INSTANCE#<sha-256 of an instance key>: see instances
pk = KEYID#<key id>: hash and userId of a key, since callers know it by its id
index owner: keyOwner, createdAt; keyOwner = <user id> of a key, PERSONAL#<user id>, or TOOLS for all tools tokens
minute, minuteUsed: rate units of the running minute; day, dayLeft: deliveries left of the running UTC day
"""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.errors import Conflict, Forbidden, NotFound
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import EXISTS, NEW, check, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get, get_all
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.ids import MintedToken
from chalicelib.people.stores.directory_rows import active_person_check
from chalicelib.resources import TOKENS
from chalicelib.tokens.domain.tokens import GrantState, KeyGrant, PersonalGrant, ToolsGrant, prior_ends
from chalicelib.tokens.stores.token_rows import START, grant_key, token_key, tools_key

TOOLS_OWNER = "TOOLS"
_REPLACE_SECRET = "SET secretHash = :hash REMOVE priorHash, priorExpiresAt"

_PERSONAL = Codec(PersonalGrant, without=("grant_id",))
_TOOLS = Codec(ToolsGrant, {"owner_id": "userId"}, without=("token_id",))
_KEY = Codec(KeyGrant, without=("expires_at",))


class DynamoTokens:
    def add_personal(self, grant: PersonalGrant, token: MintedToken, *, now: datetime) -> None:
        """Store a new personal grant with its first secret; Conflict when there is such a grant. One store call."""
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
        """Store a new tools token; Conflict when there is such a token. One store call.

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
        """Store a new `dvd_` key, and where its id leads. One store call.

        Raises:
            Forbidden: its owner is no active employee.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        row = {"keyOwner": grant.user_id, "createdAt": timestamp(now), "dailyLimit": 0} | _KEY.to_row(grant)
        if grant.expires_at:
            row["expiresAt"] = int(grant.expires_at.timestamp())
        pointer = {"pk": f"KEYID#{grant.key_id}", "hash": token.row_id, "userId": grant.user_id}
        try:
            commit(
                [
                    put_new(TOKENS, new_token(token) | row),
                    put_new(TOKENS, pointer),
                    active_person_check(grant.user_id),
                ],
                claim=claim,
                reply=reply,
            )
        except Refused as refused:
            if 2 in refused.failed:  # noqa: PLR2004 - the person's place above
                raise Forbidden("The key's owner is not an active employee.") from refused
            raise Conflict("There is such a key already.") from refused

    def rotate(
        self,
        token: MintedToken,
        *,
        now: datetime,
        at_once: bool = False,
        claim: Claim | None = None,
        reply: Row | None = None,
    ) -> datetime:
        """Make `token` its grant's secret; the one before stays good for 24 hours, the one before that ends at once.

        `at_once` the one before ends too. Returns when the prior secret ends. Counters and all else stay. Of
        rotations at the same time each counts, in some order. One store call.

        Raises:
            NotFound: there is no such grant.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        ends = now if at_once else prior_ends(now)
        # The right-hand sides are read before anything is set, so no rotation in between is lost.
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
            commit([replace], claim=claim, reply=reply)
        except Refused as refused:
            # With this secret in its place already, a retry below us has met its own first try.
            if not refused.rows[0]:
                raise NotFound("Token not found.") from refused
        return ends

    def find_integrator(self, tools_token_id: str) -> str | None:
        """The integrator that a tools token belongs to; None when there is no such token. One store call."""
        row = get(TOKENS, tools_key(tools_token_id))
        return str(row["integrator"]) if row else None

    def grant_states(self, grant_ids: Sequence[str], *, now: datetime) -> dict[str, GrantState]:
        """How those of the personal grants stand that have been issued, read consistently.

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
        """Make `token` its grant's only secret from now on; counters and all else stay."""
        commit([update(TOKENS, token_key(token), _REPLACE_SECRET, EXISTS, hash=token.secret_hash)])

    def _add(self, token: MintedToken, row: Row, claim: Claim | None = None, reply: Row | None = None) -> None:
        if not try_commit([put_new(TOKENS, new_token(token) | row)], claim=claim, reply=reply):
            raise Conflict("There is such a token already.")


def personal_owner(user_id: str) -> str:
    """What the owner index calls the personal tokens of a person, apart from their keys."""
    return f"PERSONAL#{user_id}"


def personal_row(grant: PersonalGrant, now: datetime) -> Row:
    """A personal grant's own attributes, besides its secret and its counters."""
    return {"keyOwner": personal_owner(grant.user_id), "createdAt": timestamp(now)} | _PERSONAL.to_row(grant)


def new_token(token: MintedToken) -> Row:
    """Return the key of a token's new row, with its secret and fresh counters."""
    return token_key(token) | START | {"secretHash": token.secret_hash}


def end_grant_action(grant_id: str, state: GrantState | None) -> Action:
    """End a personal grant with all its secrets, on the condition that it stands as it was found.

    A disabled one ends too, since enabling it would bring it back without its ground; of one that has ended, or was
    never issued, only the condition is left.
    """
    key = grant_key(grant_id)
    if state is None:
        return check(TOKENS, key, NEW)
    seen, condition = state.status.value, "#status = :seen"
    if state.status is TokenStatus.REVOKED:
        return check(TOKENS, key, condition, seen=seen)
    return update(TOKENS, key, "SET #status = :revoked", condition, seen=seen, revoked=TokenStatus.REVOKED.value)
