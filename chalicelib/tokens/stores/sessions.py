"""Sessions, sign-in codes and tickets, in the table `tokens` (see tokens).

pk = SESSION#<sha-256 of the session>: sessionId, userId, and its counters; it ends at `expiresAt`, or at `idleUntil`
pk = SESSIONID#<session id>: hash and userId of a session, to find it by its id
pk = CODE#<sha-256 of a sign-in code>: userId, until expiresAt; codes of before the index had them are not in it
pk = TICKET#<sha-256 of a ticket>: hash of the session that it stands for, until expiresAt
index owner: keyOwner = SESSION#<user id>, or CODE#<user id> of a sign-in code; createdAt
Times are in epoch seconds. The table's TTL deletes these rows some time after `deleteAt`.
"""

from collections.abc import Sequence
from datetime import datetime

from botocore.exceptions import ClientError

from chalicelib.aws import dynamodb
from chalicelib.core.domain.audit import Subject, person_subject
from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import check, delete, put_new
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row, to_item, values
from chalicelib.core.stores.reads import get
from chalicelib.core.stores.writes import try_commit
from chalicelib.ids import MintedToken, PresentedToken, session_from_hash
from chalicelib.people.stores.directory_rows import active_person_check
from chalicelib.resources import TOKENS
from chalicelib.tokens.domain.sessions import CODE_LIFETIME, TICKET_LIFETIME, SessionState
from chalicelib.tokens.stores.grants import list_owned
from chalicelib.tokens.stores.token_rows import START, token_key

_SESSION = Codec(SessionState, without=("session_id", "created_at", "last_used_at", "last_used_from"))
_DAY = 24 * 3600


class DynamoSessions:
    def add_code(
        self, code: MintedToken, user_id: str, *, now: datetime, claim: Claim | None = None, reply: Row | None = None
    ) -> datetime | None:
        """Store a code that signs this person in once, and return its end; None if they are not active.

        One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        actions = [self.code_action(code, user_id, now=now), active_person_check(user_id)]
        stored = try_commit(actions, claim=claim, reply=reply, audited=person_subject(user_id))
        return now + CODE_LIFETIME if stored else None

    def code_action(self, code: MintedToken, user_id: str, *, now: datetime) -> Action:
        """The action that stores a code that signs this person in once."""
        owner = {"keyOwner": _code_owner(user_id), "createdAt": timestamp(now)}
        ends = _until(int((now + CODE_LIFETIME).timestamp()))
        return put_new(TOKENS, token_key(code) | {"userId": user_id} | owner | ends)

    def end_codes(self, user_id: str) -> int:
        """Delete the codes that sign a person in, and return their number. One store call for each, and 2; else 1."""
        keys = list_owned(_code_owner(user_id), lambda row: {"pk": row["pk"]})
        return sum(try_commit([delete(TOKENS, key, "userId = :owner", owner=user_id)]) for key in keys)

    def find_code_owner(self, code: PresentedToken, *, now: datetime) -> str | None:
        """Find whom a code signs in; None if it was used, or has expired. One store call."""
        row = get(TOKENS, token_key(code))
        return str(row["userId"]) if row and row["expiresAt"] > now.timestamp() else None

    def begin(
        self,
        session: SessionState,
        token: MintedToken,
        code: PresentedToken | None,
        *,
        now: datetime,
        proof: Sequence[Action] = (),
    ) -> bool:
        """Store a new session, in the place of the code if there is one, together with the actions of another proof.

        False if the code was used, a condition of the proof does not hold, or the person is not active. One of
        concurrent calls with the same code succeeds. One store call.
        """
        owner = {"keyOwner": _owner(session.user_id), "createdAt": session.created_at}
        columns = _SESSION.to_row(session) | {"sessionId": session.session_id, "dailyLimit": 0}
        ends = _until(session.expires_at)
        row = token_key(token) | START | {"secretHash": token.secret_hash} | owner | columns | ends
        pointer = _pointer(session.session_id) | {"hash": token.row_id, "userId": session.user_id} | ends
        actions = [put_new(TOKENS, row), put_new(TOKENS, pointer), active_person_check(session.user_id), *proof]
        if code:
            key, seconds = token_key(code), int(now.timestamp())
            actions.append(
                delete(TOKENS, key, "userId = :user AND expiresAt > :now", user=session.user_id, now=seconds)
            )
        return try_commit(actions, audited=Subject("session", session.session_id, session.user_id))

    def list_of(self, user_id: str, *, now: datetime) -> list[SessionState]:
        """List a person's sessions that have not ended, newest first. Two store calls; one when there are none."""
        return [each for each in list_owned(_owner(user_id), _from_row) if each.ends_at() > now.timestamp()]

    def end(self, session_id: str, *, user_id: str) -> bool:
        """Delete a session; False if it is unknown, or not of this person. Two store calls."""
        pointer = get(TOKENS, _pointer(session_id))
        if not pointer or pointer["userId"] != user_id:
            return False
        keys = (token_key(session_from_hash(pointer["hash"])), _pointer(session_id))
        ends = [delete(TOKENS, key, "userId = :owner", owner=user_id) for key in keys]
        return try_commit(ends, audited=Subject("session", session_id, user_id))

    def end_presented(self, session: PresentedToken) -> tuple[str, str] | None:
        """Delete the session that a browser presents, and return its person and id; None if it has ended.

        Three store calls; one if it has ended.
        """
        row = get(TOKENS, token_key(session))
        return (row["userId"], row["sessionId"]) if row and self.end(row["sessionId"], user_id=row["userId"]) else None

    def add_ticket(self, ticket: MintedToken, session: PresentedToken, *, now: datetime) -> datetime | None:
        """Store a ticket that stands for a session once, and return its end; None if the session has ended.

        One store call.
        """
        ends = now + TICKET_LIFETIME
        row = token_key(ticket) | {"hash": session.row_id} | _until(int(ends.timestamp()))
        held = check(TOKENS, token_key(session), "#status = :active", active=TokenStatus.ACTIVE.value)
        return ends if try_commit([put_new(TOKENS, row), held]) else None

    def take_ticket(self, ticket: PresentedToken, *, now: datetime) -> PresentedToken | None:
        """Find the session that a ticket stands for, and use the ticket up; None if it was used, or has expired.

        One of concurrent calls succeeds. One store call.
        """
        try:
            done = dynamodb().delete_item(
                TableName=TOKENS.physical_name,
                Key=to_item(token_key(ticket)),
                ConditionExpression="expiresAt > :now",
                ExpressionAttributeValues=values(now=int(now.timestamp())),
                ReturnValues="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return None
        return session_from_hash(done["Attributes"]["hash"]["S"])


def _owner(user_id: str) -> str:
    return f"SESSION#{user_id}"


def _code_owner(user_id: str) -> str:
    return f"CODE#{user_id}"


def _pointer(session_id: str) -> Row:
    return {"pk": f"SESSIONID#{session_id}"}


def _until(seconds: int) -> Row:
    # Requests can be on their way when a session ends.
    return {"expiresAt": seconds, "deleteAt": seconds + _DAY}


def _from_row(row: Row) -> SessionState:
    used = row.get("lastUsedAt")
    return _SESSION.from_row(
        row,
        session_id=row["sessionId"],
        created_at=row["createdAt"],
        last_used_at=None if used is None else int(used),
        last_used_from=row.get("lastUsedFrom"),
    )
