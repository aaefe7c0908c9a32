"""What operators of the desk look at and do in the console, beside what has a service of its own."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

from chalicelib import sealing
from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import StoredReply
from chalicelib.ids import MintedToken
from chalicelib.inbox.services.ports import Clicks, EventTypes
from chalicelib.operate.domain.dead_letters import (
    MOST_LISTED,
    MOST_REDRIVEN,
    DeadLetter,
    DeadLetterOut,
    DeadLettersOut,
    RedriveIn,
    RedrivenOut,
)
from chalicelib.operate.domain.operate import (
    CLICK_DAYS,
    Budgets,
    CallbackOut,
    CallbacksQuery,
    IntegratorTypesOut,
    LimitsOut,
    NewSecretOut,
    RevokedOut,
    ToolsTokenIn,
    ToolsTokenOut,
    UsageOut,
    callback_out,
    tools_token_out,
    window_out,
)
from chalicelib.operate.services import directory
from chalicelib.people.services.ports import Integrators, People
from chalicelib.resources import QUEUES, Queue
from chalicelib.tokens.domain.tokens import ToolsGrant, prior_ends
from chalicelib.tokens.services.ports import Grants, Tokens

Together = Callable[..., list[Any]]


class DeadLetters(Protocol):
    def count(self, source: Queue) -> int: ...
    def list_letters(self, source: Queue, *, most: int) -> list[DeadLetter]: ...
    def redrive(self, source: Queue, wanted: set[str] | None, *, most: int) -> set[str]: ...


class Failures(Protocol):
    def find(self, message_ids: Iterable[str]) -> Mapping[str, tuple[str, str]]: ...


def tools_tokens(*, call: Call, grants: Grants, people: People) -> list[ToolsTokenOut]:
    """Every tools token, newest first, without its secret. Store calls: 3."""
    found = grants.list_tools()
    owners = people.find_people(each.user_id for each in found)
    return [tools_token_out(each, owners.get(each.user_id), now=call.now) for each in found]


def issue_tools_token(
    wanted: ToolsTokenIn,
    token: MintedToken,
    *,
    call: Call,
    integrators: Integrators,
    people: directory.People,
    tokens: Tokens,
) -> NewSecretOut:
    """Make `token` an integrator's. With an idempotency key the reply is kept sealed. Store calls: 4.

    Raises:
        NotFound: there is no such integrator or employee.
        Conflict: the integrator is archived, or the employee not active.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    made = NewSecretOut(id=token.row_id, token=token.text, prior_until=None)
    reply = _sealed(made, call)

    def kept(_: ToolsGrant) -> StoredReply:
        return reply

    directory.issue_tools_token(
        token,
        integrator=wanted.integrator,
        owner=wanted.owner,
        admin=wanted.admin,
        now=call.now,
        integrators=integrators,
        people=people,
        tokens=tokens,
        claim=call.claim,
        reply=kept,
    )
    return made


def rotate_tools_token(token: MintedToken, *, at_once: bool, call: Call, tokens: Tokens) -> NewSecretOut:
    """Make `token` its grant's secret. With an idempotency key the reply is kept sealed. Store calls: 1.

    Raises:
        NotFound: there is no such token.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    until = None if at_once else timestamp(prior_ends(call.now))
    made = NewSecretOut(id=token.row_id, token=token.text, prior_until=until)
    tokens.rotate(token, now=call.now, at_once=at_once, claim=call.claim, reply=_sealed(made, call))
    return made


def revoke_tools_token(token_id: str, *, call: Call, grants: Grants) -> RevokedOut:
    """End a tools token for good. Store calls: 1.

    Raises:
        NotFound: there is no such token.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    ended = RevokedOut(id=token_id, status=TokenStatus.REVOKED)
    if not grants.revoke_tools(token_id, claim=call.claim, reply=ended.model_dump(mode="json")):
        raise NotFound("No such token.")
    return ended


def usage(user_id: str | None, budgets: Budgets, *, call: Call, grants: Grants) -> UsageOut:
    """Budgets, and how the windows stand of all tools tokens, or of a person's tokens. Store calls in sequence: 2."""
    found = grants.list_usage(user_id)
    return UsageOut(
        limits=LimitsOut(**vars(budgets)), tokens=[window_out(each, budgets, now=call.now) for each in found]
    )


def event_types(
    *, call: Call, integrators: Integrators, types: EventTypes, together: Together
) -> list[IntegratorTypesOut]:
    """What each integrator has published in the last 90 days, by slug. Store calls in sequence: 2."""
    slugs = [each.slug for each in integrators.list_integrators()]
    found = together(*(partial(types.list_daily, slug, today=call.now.date()) for slug in slugs))
    return [IntegratorTypesOut(integrator=slug, event_types=rows) for slug, rows in zip(slugs, found, strict=True)]


def dead_letter_counts(*, letters: DeadLetters, together: Together) -> list[DeadLettersOut]:
    """About how many dead letters each queue has. Queue calls in sequence: 1."""
    counts = together(*(partial(letters.count, queue) for queue in QUEUES))
    return [DeadLettersOut(queue=queue.name, count=count) for queue, count in zip(QUEUES, counts, strict=True)]


def dead_letters(name: str, *, letters: DeadLetters, failures: Failures) -> list[DeadLetterOut]:
    """A queue's dead letters, oldest first, at most a hundred, with why each failed last. Store calls: 1.

    Raises:
        NotFound: there is no such queue.
    """
    found = sorted(letters.list_letters(_queue(name), most=MOST_LISTED), key=lambda each: each.sent_at)
    reasons = failures.find(each.message_id for each in found) if found else {}
    return [_letter_out(each, *reasons.get(each.message_id, (None, None))) for each in found]


def redrive(name: str, wanted: RedriveIn, *, letters: DeadLetters) -> RedrivenOut:
    """Send dead letters back to their queue, at most 500 at a time.

    Raises:
        NotFound: there is no such queue.
    """
    named = None if wanted.message_ids is None else set(wanted.message_ids)
    sent = letters.redrive(_queue(name), named, most=MOST_REDRIVEN)
    return RedrivenOut(sent=len(sent), missing=sorted((named or set()) - sent))


def callbacks(query: CallbacksQuery, *, call: Call, clicks: Clicks) -> list[CallbackOut]:
    """A delivery's callbacks, or the last of seven days, newest first. Store calls in sequence: 1, or 2."""
    if query.delivery_id is not None:
        found = sorted(clicks.list_of(query.delivery_id), key=lambda click: click.clicked_at, reverse=True)
    else:
        days = [call.now.date() - timedelta(days=number) for number in range(CLICK_DAYS)]
        found = list(clicks.list_recent(days, limit=query.limit))
    return [callback_out(each) for each in found[: query.limit]]


def _queue(name: str) -> Queue:
    queue = next((each for each in QUEUES if each.name == name), None)
    if queue is None:
        raise NotFound("No such queue.")
    return queue


def _letter_out(letter: DeadLetter, reason: str | None, failed_at: str | None) -> DeadLetterOut:
    return DeadLetterOut(
        message_id=letter.message_id,
        received=letter.received,
        sent_at=letter.sent_at,
        first_received_at=letter.first_received_at,
        reason=reason,
        failed_at=failed_at,
        job=letter.job,
    )


def _sealed(made: NewSecretOut, call: Call) -> StoredReply:
    if not call.claim:
        return {}
    assert call.sealing_key is not None
    return sealing.closed(made.model_dump(mode="json"), call.sealing_key)
