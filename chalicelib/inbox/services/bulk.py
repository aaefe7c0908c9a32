"""Bulk fan-out: find everyone an event is for, see who may get it, and put their deliveries into the queue."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Self

from chalicelib.catalog.services.ports import Approvers, PersonalGrants
from chalicelib.core.domain.budgets import seconds_to_midnight
from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import ToolsToken
from chalicelib.core.domain.errors import RateLimited, Refusal
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import AlreadyAnswered, kept
from chalicelib.core.ports import JobSender, Replays
from chalicelib.ids import MintedToken
from chalicelib.inbox.domain.bulk import (
    Accepted,
    BulkEventRequest,
    BulkOut,
    BulkRow,
    EmailRecipient,
    FanOutJob,
    GroupRecipient,
    RowError,
    Target,
    new_fan_out_jobs,
)
from chalicelib.inbox.domain.deliveries import event_fields
from chalicelib.inbox.domain.events import check_namespace, check_occurrence
from chalicelib.inbox.domain.recipients import Known, Meant, judged, targets
from chalicelib.inbox.services.ports import AcceptedCalls, Deliveries
from chalicelib.people.services.ports import Directory
from chalicelib.tokens.domain.tokens import GrantView, Minted, PersonalGrant, grant_id

Together = Callable[..., list[Any]]


@dataclass(frozen=True)
class Ports:
    """What a bulk call needs of the outside."""

    directory: Directory
    catalog: Approvers
    grants: PersonalGrants
    deliveries: Deliveries
    accepted: AcceptedCalls
    queue: JobSender[FanOutJob]
    replays: Replays
    mint: Callable[[str], MintedToken]
    together: Together


class _Attempt:
    """One call on its way: what must be undone when it is refused."""

    def __init__(self, caller: ToolsToken, call: Call, ports: Ports) -> None:
        self.caller, self.call, self.ports = caller, call, ports
        self.begun: str | None = None
        self.taken = 0
        self.has_effects = False

    def __enter__(self) -> Self:
        return self

    def return_surplus(self, *, needed: int) -> None:
        """Give back what was taken for members who turned out not to be reached."""
        if surplus := self.taken - needed:
            self.ports.grants.give_back(self.caller, surplus, now=self.call.now)
            self.taken = needed

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or not issubclass(kind, Refusal | AlreadyAnswered):
            return
        if self.taken:
            self.ports.grants.give_back(self.caller, self.taken, now=self.call.now)
        if self.call.claim and self.begun and not self.has_effects and issubclass(kind, Refusal):
            self.ports.replays.abandon(self.call.claim, self.begun)


def publish(request: BulkEventRequest, *, caller: ToolsToken, call: Call, fire: str, ports: Ports) -> BulkOut:
    """Accept the event for everyone it may reach; the rest are rows that say why not.

    `fire` names this send. Under an idempotency key all attempts share the first one's, so that what was done
    of the call before is not done twice.

    Calls in sequence after authentication, whatever the number of people: 4 (who is meant; who they are and
    what they may get; new tokens and the accepted call; the queue), and with an idempotency key 5. One more
    when somebody loses the approval in between.

    Raises:
        Invalid: the event is outside the allowed time or the namespace, or meant for more than 1,000 people.
        RateLimited: the day's deliveries of the tools token are used up.
        Unavailable: the queue did not take everything; the same call again finishes it.
        AlreadyAnswered, IdempotencyConflict: the idempotency key has been used.
    """
    if caller.over_daily_limit:
        raise _used_up(call.now)
    check_occurrence(request.event, now=call.now, place="event.")
    check_namespace(request.event, prefix=caller.event_prefix, place="event.")
    with _Attempt(caller, call, ports) as attempt:
        meant = _meant(request, attempt)
        named = targets(request, meant)
        project = meant.groups[request.event.project_slug] if request.event.project_slug else None
        draft = Accepted(
            fire=attempt.begun or fire,
            integrator=caller.integrator,
            tools_token_id=caller.token_id,
            told=event_fields(request.event),
            accepted_at=timestamp(call.now),
            project_id=project.project_id if project else None,
            people=(),
        )
        known = _known(named, meant, draft, attempt, listed=len(request.recipients))
        rows = judged(named, request, meant, known, caller.integrator)
        people = tuple(each.user_id for each in rows if each.user_id and each.error is None)
        reached = sum(1 for each in rows if each.user_id)
        attempt.return_surplus(needed=max(0, reached - len(request.recipients)))
        done = _accept(replace(draft, people=people), known, attempt)
        out = BulkOut(results=[_row(each, draft, known, done) for each in rows], request_id=call.request_id)
        if call.claim and attempt.begun:
            ports.replays.finish(call.claim, attempt.begun, reply=kept(202, out))
        return out


def _meant(request: BulkEventRequest, attempt: _Attempt) -> Meant:
    call, ports, caller = attempt.call, attempt.ports, attempt.caller
    emails = sorted({each.email.lower() for each in request.recipients if isinstance(each, EmailRecipient)})
    slugs = {each.slug for each in request.recipients if isinstance(each, GroupRecipient)}
    slugs |= {request.event.project_slug} if request.event.project_slug else set()
    ordered = sorted(slugs)
    attempt.begun, people, user_ids, items, *groups = ports.together(
        lambda: ports.replays.begin(call.claim) if call.claim else None,
        lambda: ports.directory.find_people([caller.owner_id]),
        lambda: ports.directory.find_user_ids(emails),
        lambda: ports.catalog.items_of(caller.integrator),
        *(partial(ports.directory.find_project, slug) for slug in ordered),
    )
    return Meant(people.get(caller.owner_id), user_ids, dict(zip(ordered, groups, strict=True)), items)


def _known(named: Sequence[Target], meant: Meant, draft: Accepted, attempt: _Attempt, *, listed: int) -> Known:
    ports, integrator, now = attempt.ports, attempt.caller.integrator, attempt.call.now
    user_ids = list(dict.fromkeys(each.user_id for each in named if each.user_id))
    more = max(0, len(user_ids) - listed)
    taken, people, grants, approved_by, first_fires = ports.together(
        lambda: more == 0 or ports.grants.take_more(attempt.caller, more),
        lambda: ports.directory.find_people(user_ids),
        lambda: ports.grants.find_grants([grant_id(integrator, each) for each in user_ids], now=now),
        lambda: ports.catalog.approving_among(meant.items, user_ids),
        lambda: ports.deliveries.list_first_fires([draft.delivery_id(each) for each in user_ids]),
    )
    if not taken:
        raise _used_up(now)
    attempt.taken = more
    return Known(people, grants, approved_by, first_fires)


@dataclass(frozen=True)
class _Done:
    """What accepting the call came to, by user id; `seen` are the deliveries that were due before."""

    minted: Mapping[str, Minted] = field(default_factory=dict)
    seen: Collection[str] = ()


def _accept(accepted: Accepted, known: Known, attempt: _Attempt) -> _Done:
    """Mint what is missing, keep the call, fill the queue."""
    if not accepted.people:
        return _Done()
    ports, now = attempt.ports, attempt.call.now
    attempt.has_effects = True
    met = {person: known.grants.get(grant_id(accepted.integrator, person)) for person in accepted.people}
    missing = [person for person, grant in met.items() if grant is None or not grant.usable]
    ids = {person: accepted.delivery_id(person) for person in accepted.people}
    _, seen, *outcomes = ports.together(
        lambda: ports.accepted.add(accepted, now=now),
        lambda: ports.accepted.mark_seen(list(ids.values()), fire=accepted.fire, now=now),
        *(partial(_mint, person, met[person], known, attempt) for person in missing),
    )
    minted = dict(zip(missing, outcomes, strict=True))
    if refused := [person for person, outcome in minted.items() if outcome is Minted.NEVER]:
        due = tuple(person for person in accepted.people if person not in refused)
        accepted = replace(accepted, people=due)
        new = [ids[person] for person in refused if ids[person] not in seen]
        ports.together(lambda: ports.accepted.add(accepted, now=now), lambda: ports.accepted.forget(new))
    try:
        behind = {each for each in accepted.people if ids[each] in seen - known.first_fires.keys()}
        ports.queue.send_all(new_fan_out_jobs(accepted, behind))
    except Exception:
        # Nobody was promised anything, so the next send is the first.
        ports.accepted.forget([each for each in ids.values() if each not in seen])
        raise
    return _Done(minted, seen)


def _mint(person: str, met: GrantView | None, known: Known, attempt: _Attempt) -> Minted:
    caller, ports = attempt.caller, attempt.ports
    grant = PersonalGrant(
        grant_id=grant_id(caller.integrator, person),
        integrator=caller.integrator,
        event_prefix=caller.event_prefix,
        user_id=person,
        tools_token_id=caller.token_id,
        tools_owner_id=caller.owner_id,
    )
    token = ports.mint(grant.grant_id)
    return ports.grants.mint(grant, token, approved_by=known.approved_by[person], seen=met, now=attempt.call.now)


def _row(target: Target, draft: Accepted, known: Known, done: _Done) -> BulkRow:
    minted = done.minted.get(target.user_id or "")
    error = RowError.NO_APPROVED_REQUEST if minted is Minted.NEVER else target.error
    if error or not target.user_id:
        return BulkRow(email=target.email, recipient=target.recipient, error=error)
    made = draft.delivery_id(target.user_id)
    stored_before = known.first_fires.get(made, draft.fire) != draft.fire
    more = {"auto_claimed": True} if minted is Minted.NOW else {}
    return BulkRow(
        email=target.email,
        recipient=target.recipient,
        delivery_id=made,
        deduped=stored_before or made in done.seen,
        pushed=False,
        **more,
    )


def _used_up(now: datetime) -> RateLimited:
    wait = seconds_to_midnight(now)
    return RateLimited("The tools token's deliveries of today are used up.", retry_after=wait)
