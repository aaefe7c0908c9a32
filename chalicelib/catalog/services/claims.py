"""Claim publishing tokens for employees: issue the first one, or rotate it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from chalicelib import sealing
from chalicelib.catalog.domain.claims import ClaimBatchOut, ClaimedToken, ClaimFailure, ClaimRow, ClaimTokenRequest
from chalicelib.catalog.services.ports import Approvers, PersonalGrants
from chalicelib.core.domain.callers import TokenStatus, ToolsToken
from chalicelib.core.domain.errors import Conflict, Forbidden
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import AlreadyAnswered, Claim, StoredReply, to_stored_reply
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import Gather, Replays
from chalicelib.ids import MintedToken
from chalicelib.people.domain.directory import Person
from chalicelib.people.services.ports import People
from chalicelib.tokens.domain.tokens import GrantTerms, GrantView, PersonalGrant, grant_id, prior_expiry

_ATTEMPTS = 3


@dataclass(frozen=True)
class Ports:
    """The stores and functions that claiming needs.

    `mint` makes a token for a grant id. With the marker of a call that was begun, it always makes the same token, so a
    batch that is repeated after a failure completes the first one.
    """

    directory: People
    catalog: Approvers
    grants: PersonalGrants
    replays: Replays
    mint: Callable[[str, str | None], MintedToken]
    gather: Gather


@dataclass(frozen=True)
class _Employee:
    """An employee who can get a token, the item that approves them, and their current grant."""

    person: Person
    approved_by: str
    grant: GrantView | None


def claim_token(
    wanted: ClaimTokenRequest, *, caller: ToolsToken, context: RequestContext, ports: Ports
) -> ClaimedToken:
    """Issue the employee's token, or rotate it. The previous secret works for 24 hours.

    Calls in sequence after authentication: 3 (the employee; their grant and approval; the token). With an idempotency
    key the sealed reply is stored in the same write as the token.

    Raises:
        Forbidden: the employee is unknown, inactive, not approved, or the token was disabled.
        Conflict: other calls changed the token in every attempt.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    for _ in range(_ATTEMPTS):
        answered, (found,) = _look_up(
            [wanted],
            lambda: ports.replays.find(context.claim) if context.claim else None,
            caller=caller,
            context=context,
            ports=ports,
        )
        if answered:
            raise AlreadyAnswered(answered)
        if isinstance(found, ClaimFailure):
            raise Forbidden(f"{found}: this employee can't get a token.")
        made = _issue(wanted, found, None, caller=caller, context=context, ports=ports, claim=context.claim)
        if made is not None:
            return made
    raise Conflict("Other calls are changing this token. Try again.")


def claim_batch(
    wanted: Sequence[ClaimTokenRequest], *, caller: ToolsToken, context: RequestContext, ports: Ports
) -> ClaimBatchOut:
    """Claim tokens for many employees. Each row succeeds or fails independently.

    Calls in sequence after authentication: 3 whatever the number of rows, and with an idempotency key 4.

    Raises:
        AlreadyAnswered: the idempotency key has been used.
        IdempotencyConflict: the key is in use for another batch.
    """
    begun, found = _look_up(
        wanted,
        lambda: ports.replays.begin(context.claim) if context.claim else None,
        caller=caller,
        context=context,
        ports=ports,
    )
    rows = ports.gather(
        *(
            partial(_row, each, what, begun, caller=caller, context=context, ports=ports)
            for each, what in zip(wanted, found, strict=True)
        )
    )
    out = ClaimBatchOut(results=rows, request_id=context.request_id)
    if context.claim:
        ports.replays.finish(context.claim, begun, reply=_sealed(out, context))
    return out


def _row(
    wanted: ClaimTokenRequest,
    found: _Employee | ClaimFailure,
    begun: str | None,
    *,
    caller: ToolsToken,
    context: RequestContext,
    ports: Ports,
) -> ClaimRow:
    if isinstance(found, ClaimFailure):
        return ClaimRow(email=wanted.email, ok=False, reason=found)
    made = _issue(wanted, found, begun, caller=caller, context=context, ports=ports, claim=None)
    if made is None:
        return ClaimRow(email=wanted.email, ok=False, reason=ClaimFailure.CHANGED_MEANWHILE)
    return ClaimRow(email=wanted.email, ok=True, token=made)


def _look_up(
    wanted: Sequence[ClaimTokenRequest],
    record: Callable[[], Any],
    *,
    caller: ToolsToken,
    context: RequestContext,
    ports: Ports,
) -> tuple[Any, list[_Employee | ClaimFailure]]:
    emails = [each.email.lower() for each in wanted]
    recorded, by_email, items = ports.gather(
        record,
        lambda: ports.directory.find_user_ids(emails),
        lambda: ports.catalog.list_linked_items(caller.integrator),
    )
    user_ids = sorted(set(by_email.values()))
    people, grants, approved_by = ports.gather(
        lambda: ports.directory.find_people(user_ids),
        lambda: ports.grants.find_grants([grant_id(caller.integrator, each) for each in user_ids], now=context.now),
        lambda: ports.catalog.find_approving_items(items, user_ids),
    )
    found: list[_Employee | ClaimFailure] = []
    for place, email in enumerate(emails):
        person: Person | None = people.get(by_email.get(email, ""))
        grant = grants.get(grant_id(caller.integrator, person.user_id)) if person else None
        if person is None:
            found.append(ClaimFailure.USER_NOT_FOUND)
        elif email in emails[:place]:
            found.append(ClaimFailure.DUPLICATE)
        elif not person.active:
            found.append(ClaimFailure.USER_INACTIVE)
        elif person.user_id not in approved_by:
            found.append(ClaimFailure.NO_APPROVED_REQUEST)
        elif grant and grant.status is TokenStatus.DISABLED:
            found.append(ClaimFailure.TOKEN_DISABLED)
        else:
            found.append(_Employee(person, approved_by[person.user_id], grant))
    return recorded, found


def _issue(
    wanted: ClaimTokenRequest,
    employee: _Employee,
    begun: str | None,
    *,
    caller: ToolsToken,
    context: RequestContext,
    ports: Ports,
    claim: Claim | None,
) -> ClaimedToken | None:
    grant = PersonalGrant(
        grant_id=grant_id(caller.integrator, employee.person.user_id),
        integrator=caller.integrator,
        event_prefix=caller.event_prefix,
        user_id=employee.person.user_id,
        tools_token_id=caller.token_id,
        tools_owner_id=caller.owner_id,
    )
    terms = GrantTerms(wanted.daily_limit, wanted.severity_ceiling, wanted.label)
    token = ports.mint(grant.grant_id, begun)
    met = employee.grant
    done = met is not None and met.usable and met.secret_hash == token.secret_hash
    known_end = met.prior_until if met and done else None
    made = ClaimedToken(
        token=token.text,
        token_id=grant.grant_id,
        owner_user_id=grant.user_id,
        expires_prior_at=timestamp(known_end or prior_expiry(context.now)),
    )
    done = done or ports.grants.put_claim(
        grant,
        token,
        terms=terms,
        approved_by=employee.approved_by,
        seen=employee.grant,
        now=context.now,
        claim=claim,
        reply=_sealed(made, context) if claim else {},
    )
    return made if done else None


def _sealed(answer: ClaimedToken | ClaimBatchOut, context: RequestContext) -> StoredReply:
    assert context.sealing_key is not None
    return sealing.seal_reply(to_stored_reply(200, answer), context.sealing_key)
