"""Bulk calls: find the people an event is for, check what each may get, and queue their deliveries."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Protocol, Self

from chalicelib.catalog.services.ports import Approvers, PersonalGrants
from chalicelib.core.domain.budgets import daily_limit_reached
from chalicelib.core.domain.callers import ToolsToken
from chalicelib.core.domain.errors import RateLimited, Refusal
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import AlreadyAnswered, to_stored_reply
from chalicelib.core.domain.measures import PUBLISHES
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import Gather, JobSender, Replays
from chalicelib.ids import MintedToken
from chalicelib.inbox.domain.bulk import (
    MOST_LISTENERS_LOOKED_UP,
    AcceptedCall,
    BulkEventRequest,
    BulkOut,
    BulkRow,
    EmailRecipient,
    FanOutJob,
    GroupRecipient,
    RowError,
    Target,
    bulk_charge,
    new_fan_out_jobs,
)
from chalicelib.inbox.domain.deliveries import event_fields
from chalicelib.inbox.domain.events import check_event_type, check_occurrence, has_one_segment
from chalicelib.inbox.domain.live_events import new_delivery_event
from chalicelib.inbox.domain.recipients import PeopleRecords, RecipientLookup, check_targets, expand_recipients
from chalicelib.inbox.services.ports import AcceptedCalls, Deliveries
from chalicelib.live.domain.frames import LogState, PushOutcome
from chalicelib.people.services.ports import Directory
from chalicelib.tokens.domain.tokens import GrantView, MintOutcome, PersonalGrant, grant_id


class FindLogState(Protocol):
    def __call__(self, user_id: str, /, *, now: datetime) -> LogState | None: ...


@dataclass(frozen=True)
class Ports:
    """The stores, the queue and the simultaneous calls that a bulk call needs."""

    directory: Directory
    has_relaxed_event_types: Callable[[str], bool]
    catalog: Approvers
    grants: PersonalGrants
    deliveries: Deliveries
    accepted: AcceptedCalls
    queue: JobSender[FanOutJob]
    replays: Replays
    find_log_state: FindLogState
    mint: Callable[[str], MintedToken]
    gather: Gather


class _BulkCall:
    """One call in progress. When it is refused, it gives back what it has taken."""

    def __init__(self, caller: ToolsToken, context: RequestContext, ports: Ports) -> None:
        self.caller, self.context, self.ports = caller, context, ports
        self.begun: str | None = None  # the id that all attempts under the idempotency key share
        self.taken = 0  # deliveries taken from the day's limit besides those of the charge
        self.has_effects = False

    def __enter__(self) -> Self:
        return self

    def return_surplus(self, *, needed: int) -> None:
        """Give back the deliveries taken for group members that the call does not reach."""
        if surplus := self.taken - needed:
            self.ports.grants.return_deliveries(self.caller, surplus, now=self.context.now)
            self.taken = needed

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or not issubclass(kind, Refusal | AlreadyAnswered):
            return
        if self.taken:
            self.ports.grants.return_deliveries(self.caller, self.taken, now=self.context.now)
        if self.context.claim and self.begun and not self.has_effects and issubclass(kind, Refusal):
            self.ports.replays.abandon(self.context.claim, self.begun)


def publish(
    request: BulkEventRequest, *, caller: ToolsToken, context: RequestContext, fire: str, ports: Ports
) -> tuple[BulkOut, int]:
    """Accept the event for everyone it may reach. The other rows say why it does not reach them.

    Also returns how many of the charged deliveries are to be given back, for people who were named in several ways.

    `fire` is the id of this send. Under an idempotency key all attempts share the id of the first one, so that
    nothing is done twice.

    Calls in sequence after authentication, whatever the number of people: 4 (recipients; people and their grants;
    new tokens and the accepted call; the queue), and with an idempotency key 5. One more when somebody loses the
    approval in between.

    Raises:
        Invalid: the event is outside the allowed time or the namespace, or reaches more than 1,000 people.
        RateLimited: today's deliveries of the tools token are used up.
        Unavailable: the queue did not take everything; sending the same call again finishes it.
        AlreadyAnswered, IdempotencyConflict: the idempotency key has been used.
    """
    if caller.over_daily_limit:
        raise _limit_reached(context.now)
    check_occurrence(request.event, now=context.now, place="event.")
    # A type of one segment is refused later, when it is known whether the integrator may send it.
    check_event_type(request.event, prefix=caller.event_prefix, relaxed=True, place="event.")
    with _BulkCall(caller, context, ports) as bulk:
        lookup = _look_up_recipients(request, bulk)
        targets = expand_recipients(request, lookup)
        charged = bulk_charge(request).deliveries
        project = lookup.groups[request.event.project_slug] if request.event.project_slug else None
        draft = AcceptedCall(
            fire=bulk.begun or fire,
            integrator=caller.integrator,
            tools_token_id=caller.token_id,
            event_fields=event_fields(request.event),
            accepted_at=timestamp(context.now),
            project_id=project.project_id if project else None,
            people=(),
        )
        records = _look_up_people(targets, lookup, draft, bulk, charged=charged)
        rows = check_targets(targets, request, lookup, records, caller.integrator)
        reached = {each.user_id for each in rows if each.user_id}
        bulk.return_surplus(needed=max(0, len(reached) - charged))
        people = dict.fromkeys(each.user_id for each in rows if each.user_id and each.error is None)
        accepted = replace(draft, people=tuple(people))
        acceptance = _accept(accepted, records, bulk)
        results = [_to_bulk_row(each, draft, records, acceptance) for each in rows]
        out = BulkOut(results=list(_mark_repeats(results)), request_id=context.request_id)
        if context.claim and bulk.begun:
            ports.replays.finish(context.claim, bulk.begun, reply=to_stored_reply(202, out))
        PUBLISHES.add(kind="bulk")
        return out, max(0, charged - len({each.identity for each in rows}))


def preview(request: BulkEventRequest, *, caller: ToolsToken, context: RequestContext, ports: Ports) -> list[Target]:
    """Return the people whom `publish` would reach, or the reason why not, and make nothing. Calls in sequence: 2.

    Raises:
        Invalid: as `publish` does.
    """
    check_occurrence(request.event, now=context.now, place="event.")
    check_event_type(request.event, prefix=caller.event_prefix, relaxed=True, place="event.")
    bulk = _BulkCall(caller, replace(context, claim=None), ports)
    lookup = _look_up_recipients(request, bulk)
    targets = expand_recipients(request, lookup)
    draft = AcceptedCall("", caller.integrator, caller.token_id, event_fields(request.event), "", None, ())
    # Nobody is beyond what was charged, so nothing is taken.
    records = _look_up_people(targets, lookup, draft, bulk, charged=len(targets))
    return check_targets(targets, request, lookup, records, caller.integrator)


def _look_up_recipients(request: BulkEventRequest, bulk: _BulkCall) -> RecipientLookup:
    context, ports, caller, prefix = bulk.context, bulk.ports, bulk.caller, bulk.caller.event_prefix
    emails = sorted({each.email.lower() for each in request.recipients if isinstance(each, EmailRecipient)})
    slugs = {each.slug for each in request.recipients if isinstance(each, GroupRecipient)}
    slugs |= {request.event.project_slug} if request.event.project_slug else set()
    ordered = sorted(slugs)
    has_short_type = has_one_segment(request.event, prefix=prefix)
    bulk.begun, relaxed, senders, user_ids, items, *groups = ports.gather(
        lambda: ports.replays.begin(context.claim) if context.claim else None,
        lambda: has_short_type and ports.has_relaxed_event_types(caller.integrator),
        lambda: ports.directory.find_people([caller.owner_id]),
        lambda: ports.directory.find_user_ids(emails),
        lambda: ports.catalog.list_linked_items(caller.integrator),
        *(partial(ports.directory.find_project, slug) for slug in ordered),
    )
    check_event_type(request.event, prefix=prefix, relaxed=relaxed, place="event.")
    return RecipientLookup(senders.get(caller.owner_id), user_ids, dict(zip(ordered, groups, strict=True)), items)


def _look_up_people(
    targets: Sequence[Target], lookup: RecipientLookup, draft: AcceptedCall, bulk: _BulkCall, *, charged: int
) -> PeopleRecords:
    """Look up all targets, and take a delivery of the day for each person beyond those that were charged."""
    ports, integrator, now = bulk.ports, bulk.caller.integrator, bulk.context.now
    user_ids = list(dict.fromkeys(each.user_id for each in targets if each.user_id))
    more = max(0, len(user_ids) - charged)
    has_taken, people, grants, approved_by, first_fires = ports.gather(
        lambda: more == 0 or ports.grants.take_deliveries(bulk.caller, more),
        lambda: ports.directory.find_people(user_ids),
        lambda: ports.grants.find_grants([grant_id(integrator, each) for each in user_ids], now=now),
        lambda: ports.catalog.find_approving_items(lookup.items, user_ids),
        lambda: ports.deliveries.list_first_fires([draft.delivery_id(each) for each in user_ids]),
    )
    if not has_taken:
        raise _limit_reached(now)
    bulk.taken = more
    return PeopleRecords(people, grants, approved_by, first_fires)


@dataclass(frozen=True)
class _Acceptance:
    """The result of accepting a call: new tokens by user id, and the deliveries that earlier calls had accepted.

    `untold` are the people who listen, as far as is known, and are told after the reply.
    """

    minted: Mapping[str, MintOutcome] = field(default_factory=dict)
    seen: Collection[str] = ()
    untold: Collection[str] = ()


def _accept(accepted: AcceptedCall, records: PeopleRecords, bulk: _BulkCall) -> _Acceptance:
    """Mint missing tokens, store the call, queue its jobs."""
    if not accepted.people:
        return _Acceptance()
    ports, now = bulk.ports, bulk.context.now
    bulk.has_effects = True
    looked_up = accepted.people if len(accepted.people) <= MOST_LISTENERS_LOOKED_UP else ()
    grants = {person: records.grants.get(grant_id(accepted.integrator, person)) for person in accepted.people}
    missing = [person for person, grant in grants.items() if grant is None or not grant.usable]
    ids = {person: accepted.delivery_id(person) for person in accepted.people}
    _, seen, *results = ports.gather(
        lambda: ports.accepted.add(accepted, now=now),
        lambda: ports.accepted.mark_seen(list(ids.values()), fire=accepted.fire, now=now),
        *(partial(_mint, person, grants[person], records, bulk) for person in missing),
        *(partial(ports.find_log_state, person, now=now) for person in looked_up),
    )
    minted = dict(zip(missing, results[: len(missing)], strict=True))
    log_states = dict(zip(looked_up, results[len(missing) :], strict=True))
    if refused := [person for person, outcome in minted.items() if outcome is MintOutcome.NEVER]:
        accepted = replace(accepted, people=tuple(each for each in accepted.people if each not in refused))
        unseen = [ids[person] for person in refused if ids[person] not in seen]
        ports.gather(lambda: ports.accepted.add(accepted, now=now), lambda: ports.accepted.forget(unseen))
    try:
        behind = {each for each in accepted.people if ids[each] in seen - records.first_fires.keys()}
        ports.queue.send_all(new_fan_out_jobs(accepted, behind))
    except Exception:
        # The call fails, so nothing was promised, and the next send is the first.
        ports.accepted.forget([each for each in ids.values() if each not in seen])
        raise
    untold = [person for person in accepted.people if _may_listen(log_states.get(person), person, accepted, now=now)]
    return _Acceptance(minted, seen, set(untold))


def _may_listen(log_state: LogState | None, person: str, accepted: AcceptedCall, *, now: datetime) -> bool:
    if log_state is None:
        return True
    event = new_delivery_event(accepted.to_delivery(person))
    return log_state.expected_outcome(event, now=now) is not PushOutcome.NONE


def _mint(person: str, grant: GrantView | None, records: PeopleRecords, bulk: _BulkCall) -> MintOutcome:
    caller, ports = bulk.caller, bulk.ports
    new = PersonalGrant(
        grant_id=grant_id(caller.integrator, person),
        integrator=caller.integrator,
        event_prefix=caller.event_prefix,
        user_id=person,
        tools_token_id=caller.token_id,
        tools_owner_id=caller.owner_id,
    )
    token = ports.mint(new.grant_id)
    return ports.grants.put_first_token(
        new, token, approved_by=records.approved_by[person], seen=grant, now=bulk.context.now
    )


def _to_bulk_row(target: Target, draft: AcceptedCall, records: PeopleRecords, acceptance: _Acceptance) -> BulkRow:
    minted = acceptance.minted.get(target.user_id or "")
    error = RowError.NO_APPROVED_REQUEST if minted is MintOutcome.NEVER else target.error
    if error or not target.user_id:
        return BulkRow(email=target.email, recipient=target.recipient, error=error)
    delivery_id = draft.delivery_id(target.user_id)
    was_stored = records.first_fires.get(delivery_id, draft.fire) != draft.fire
    deduped = was_stored or delivery_id in acceptance.seen
    optional = {"auto_claimed": True} if minted is MintOutcome.NOW else {}
    if not deduped and target.user_id in acceptance.untold:
        optional["push_pending"] = True
    return BulkRow(
        email=target.email,
        recipient=target.recipient,
        delivery_id=delivery_id,
        deduped=deduped,
        pushed=False,
        **optional,
    )


def _mark_repeats(rows: Iterable[BulkRow]) -> Iterator[BulkRow]:
    """Mark each row whose delivery an earlier row of the call has."""
    met: set[str] = set()
    for row in rows:
        if row.delivery_id in met:
            yield row.model_copy(update={"deduped": True})
        else:
            yield row
        met |= {row.delivery_id} if row.delivery_id else set()


def _limit_reached(now: datetime) -> RateLimited:
    return daily_limit_reached("Daily limit reached: the tools token has too few deliveries left today.", now=now)
