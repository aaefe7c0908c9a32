"""Bulk fan-out: find everyone an event is for, see who may get it, and put their deliveries into the queue."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from chalicelib.domain.budgets import seconds_to_midnight
from chalicelib.domain.bulk import (
    MOST_MEMBERS_LOOKED_UP,
    MOST_PEOPLE,
    Accepted,
    BulkEventRequest,
    BulkOut,
    BulkRow,
    EmailRecipient,
    GroupRecipient,
    RowError,
    Target,
    UserRecipient,
    unresolved,
)
from chalicelib.domain.call import Call
from chalicelib.domain.callers import TokenStatus, ToolsToken
from chalicelib.domain.deliveries import told
from chalicelib.domain.directory import Person, Project
from chalicelib.domain.errors import Invalid, RateLimited
from chalicelib.domain.events import check_namespace, check_occurrence
from chalicelib.domain.fields import timestamp
from chalicelib.domain.idempotency import AlreadyAnswered, Answered, Claim, kept
from chalicelib.domain.tokens import GrantView, PersonalGrant, grant_id
from chalicelib.ids import MintedToken

Together = Callable[..., list[Any]]


class Directory(Protocol):
    def find_user_ids(self, emails: Sequence[str]) -> Mapping[str, str]: ...
    def find_people(self, user_ids: Sequence[str]) -> Mapping[str, Person]: ...
    def find_project(self, slug: str) -> Project | None: ...


class Catalog(Protocol):
    def items_of(self, integrator: str) -> Sequence[str]: ...
    def approving_among(self, items: Sequence[str], user_ids: Sequence[str]) -> Mapping[str, str]: ...


class Grants(Protocol):
    def find_grants(self, grant_ids: Sequence[str], *, now: datetime) -> Mapping[str, GrantView]: ...
    def mint(
        self, grant: PersonalGrant, token: MintedToken, *, approved_by: str, met: GrantView | None, now: datetime
    ) -> bool: ...
    def take_more(self, caller: ToolsToken, deliveries: int, *, now: datetime) -> bool: ...


class Deliveries(Protocol):
    def list_first_fires(self, delivery_ids: Sequence[str]) -> Mapping[str, str]: ...


class AcceptedCalls(Protocol):
    def add(self, accepted: Accepted, *, now: datetime) -> None: ...
    def mark_seen(self, delivery_ids: list[str], *, fire: str, now: datetime) -> set[str]: ...


class Queue(Protocol):
    def send(self, event_part: str, fire: str, people: Sequence[str]) -> None: ...


class Replays(Protocol):
    def find(self, claim: Claim) -> Answered | None: ...
    def remember(self, claim: Claim, *, reply: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Ports:
    """What a bulk call needs of the outside."""

    directory: Directory
    catalog: Catalog
    grants: Grants
    deliveries: Deliveries
    accepted: AcceptedCalls
    queue: Queue
    replays: Replays
    mint: Callable[[str], MintedToken]
    together: Together


@dataclass(frozen=True)
class _Meant:
    """What the first look told: the sender, who is behind addresses and groups, what opens the integrator."""

    sender: Person | None
    user_ids: Mapping[str, str]
    groups: Mapping[str, Project | None]
    items: Sequence[str]


@dataclass(frozen=True)
class _Known:
    """What the second look told of each person, by user id; grants by grant id, fires by delivery id."""

    people: Mapping[str, Person]
    grants: Mapping[str, GrantView]
    approved_by: Mapping[str, str]
    first_fires: Mapping[str, str]


def publish(request: BulkEventRequest, *, caller: ToolsToken, call: Call, fire: str, ports: Ports) -> BulkOut:
    """Accept the event for everyone it may reach; the rest are rows that say why not.

    `fire` names this send: a call made again under the same idempotency key has the same one, so that what
    was done of it before is not done twice.

    Calls in sequence after authentication, whatever the number of people: 4 (who is meant; who they are and
    what they may get; new tokens and the accepted call; the queue), and with an idempotency key 5.

    Raises:
        Invalid: the event is outside the allowed time or the namespace, or meant for more than 1,000 people.
        RateLimited: the day's deliveries of the tools token are used up.
        AlreadyAnswered: the idempotency key has been used.
    """
    if caller.over_daily_limit:
        raise _used_up(call.now)
    check_occurrence(request.event, now=call.now, place="event.")
    check_namespace(request.event, prefix=caller.event_prefix, place="event.")
    meant = _meant(request, caller, call, ports)
    draft = Accepted(fire, caller.integrator, caller.token_id, told(request.event), timestamp(call.now), None, ())
    targets = _targets(request, meant)
    known = _known(targets, meant, draft, caller=caller, now=call.now, ports=ports, listed=len(request.recipients))
    judged = _judged(targets, request, meant, known, caller)
    accepted = replace(
        draft,
        project_id=_project_id(request, meant),
        people=tuple(each.user_id for each in judged if each.user_id and each.error is None),
    )
    claimed, refused, seen = _accept(accepted, known, caller, call.now, ports)
    before = seen | {each for each, first in known.first_fires.items() if first != fire}
    rows = [_row(each, accepted, claimed=claimed, refused=refused, before=before) for each in judged]
    out = BulkOut(results=rows, request_id=call.request_id)
    if call.claim:
        ports.replays.remember(call.claim, reply=kept(202, out))
    return out


def _meant(request: BulkEventRequest, caller: ToolsToken, call: Call, ports: Ports) -> _Meant:
    emails = sorted({each.email.lower() for each in request.recipients if isinstance(each, EmailRecipient)})
    slugs = {each.slug for each in request.recipients if isinstance(each, GroupRecipient)}
    slugs |= {request.event.project_slug} if request.event.project_slug else set()
    ordered = sorted(slugs)
    answered, owners, user_ids, items, *groups = ports.together(
        lambda: ports.replays.find(call.claim) if call.claim else None,
        lambda: ports.directory.find_people([caller.owner_id]),
        lambda: ports.directory.find_user_ids(emails),
        lambda: ports.catalog.items_of(caller.integrator),
        *(partial(ports.directory.find_project, slug) for slug in ordered),
    )
    if answered:
        raise AlreadyAnswered(answered)
    owner: Person | None = owners.get(caller.owner_id)
    found = dict(zip(ordered, groups, strict=True))
    return _Meant(owner, user_ids, found, items)


def _targets(request: BulkEventRequest, meant: _Meant) -> list[Target]:
    targets: list[Target] = []
    for recipient in request.recipients:
        match recipient:
            case EmailRecipient(email=email):
                user_id = meant.user_ids.get(email.lower())
                targets.append(Target(recipient, email, user_id, None if user_id else RowError.USER_NOT_FOUND))
            case UserRecipient(user_id=user_id):
                targets.append(Target(recipient, unresolved(user_id), user_id.lower()))
            case GroupRecipient():
                targets += _members(recipient, meant)
    # One row a person, at the first of its places; who was not found is told apart by the address.
    first: dict[str, Target] = {}
    for each in targets:
        first.setdefault(each.user_id or each.email.lower(), each)
    return list(first.values())


def _members(recipient: GroupRecipient, meant: _Meant) -> list[Target]:
    address, group = unresolved(recipient.slug), meant.groups[recipient.slug]
    if group is None:
        return [Target(recipient, address, None, RowError.GROUP_NOT_FOUND)]
    if not _administers(group, meant):
        return [Target(recipient, address, None, RowError.NOT_GROUP_ADMIN)]
    if len(group.members) > MOST_MEMBERS_LOOKED_UP:
        raise _too_many(len(group.members))
    return [Target(recipient, address, member) for member in sorted(group.members)]


def _administers(group: Project, meant: _Meant) -> bool:
    sender = meant.sender
    return sender is not None and sender.active and (sender.org_admin or sender.user_id in group.admins)


def _known(
    targets: list[Target],
    meant: _Meant,
    draft: Accepted,
    *,
    caller: ToolsToken,
    now: datetime,
    ports: Ports,
    listed: int,
) -> _Known:
    user_ids = [each.user_id for each in targets if each.user_id]
    more = max(0, len(user_ids) - listed)
    taken, people, grants, approved_by, first_fires = ports.together(
        lambda: more == 0 or ports.grants.take_more(caller, more, now=now),
        lambda: ports.directory.find_people(user_ids),
        lambda: ports.grants.find_grants([grant_id(caller.integrator, each) for each in user_ids], now=now),
        lambda: ports.catalog.approving_among(meant.items, user_ids),
        lambda: ports.deliveries.list_first_fires([draft.delivery_id(each) for each in user_ids]),
    )
    if not taken:
        raise _used_up(now)
    return _Known(people, grants, approved_by, first_fires)


def _judged(
    targets: list[Target], request: BulkEventRequest, meant: _Meant, known: _Known, caller: ToolsToken
) -> list[Target]:
    judged: list[Target] = []
    for target in targets:
        person = known.people.get(target.user_id or "")
        if isinstance(target.recipient, GroupRecipient) and target.user_id and not (person and person.active):
            continue  # a group is its active members
        named = replace(target, email=person.email) if person else target
        error = target.error or _error(person, request, meant, known, caller)
        judged.append(replace(named, error=error))
    reached = sum(1 for each in judged if each.user_id)
    if reached > MOST_PEOPLE:
        raise _too_many(reached)
    return judged


def _error(
    person: Person | None, request: BulkEventRequest, meant: _Meant, known: _Known, caller: ToolsToken
) -> RowError | None:
    if person is None:
        return RowError.USER_NOT_FOUND
    if not person.active:
        return RowError.USER_INACTIVE
    if request.event.project_slug:
        project = meant.groups[request.event.project_slug]
        if project is None or not _administers(project, meant) or person.user_id not in project.members:
            return RowError.CROSS_PROJECT_BLOCKED
    if person.user_id not in known.approved_by:
        return RowError.NO_APPROVED_REQUEST
    grant = known.grants.get(grant_id(caller.integrator, person.user_id))
    if grant is None:
        return None if request.auto_claim else RowError.NO_APPROVED_REQUEST
    if grant.status is TokenStatus.DISABLED:
        return RowError.TOKEN_DISABLED
    if not grant.usable:
        return None if request.auto_claim else RowError.NO_TOKEN
    if grant.severity_ceiling and request.event.severity.rank > grant.severity_ceiling.rank:
        return RowError.SEVERITY_ABOVE_CEILING
    return None


def _accept(
    accepted: Accepted, known: _Known, caller: ToolsToken, now: datetime, ports: Ports
) -> tuple[set[str], set[str], set[str]]:
    """Mint what is missing, keep the call, fill the queue: who got a token, who could not, what was due before."""
    if not accepted.people:
        return set(), set(), set()
    met = {person: known.grants.get(grant_id(caller.integrator, person)) for person in accepted.people}
    missing = [person for person, grant in met.items() if grant is None or not grant.usable]

    def mint(person: str) -> bool:
        grant = PersonalGrant(
            grant_id=grant_id(caller.integrator, person),
            integrator=caller.integrator,
            event_prefix=caller.event_prefix,
            user_id=person,
            tools_token_id=caller.token_id,
            tools_owner_id=caller.owner_id,
        )
        token = ports.mint(grant.grant_id)
        return ports.grants.mint(grant, token, approved_by=known.approved_by[person], met=met[person], now=now)

    ids = [accepted.delivery_id(person) for person in accepted.people]
    _, seen, *minted = ports.together(
        lambda: ports.accepted.add(accepted, now=now),
        lambda: ports.accepted.mark_seen(ids, fire=accepted.fire, now=now),
        *(partial(mint, person) for person in missing),
    )
    outcome = dict(zip(missing, minted, strict=True))
    refused = {person for person, done in outcome.items() if not done}
    due = [person for person in accepted.people if person not in refused]
    if due:
        ports.queue.send(accepted.event_part, accepted.fire, due)
    return outcome.keys() - refused, refused, seen


def _row(target: Target, accepted: Accepted, *, claimed: set[str], refused: set[str], before: set[str]) -> BulkRow:
    error = RowError.NO_APPROVED_REQUEST if target.user_id in refused else target.error
    if error or not target.user_id:
        return BulkRow(email=target.email, recipient=target.recipient, error=error)
    made = accepted.delivery_id(target.user_id)
    more = {"auto_claimed": True} if target.user_id in claimed else {}
    return BulkRow(
        email=target.email,
        recipient=target.recipient,
        delivery_id=made,
        deduped=made in before,
        pushed=False,
        **more,
    )


def _project_id(request: BulkEventRequest, meant: _Meant) -> str | None:
    project = meant.groups[request.event.project_slug] if request.event.project_slug else None
    return project.project_id if project else None


def _too_many(reached: int) -> Invalid:
    reason = f"reach {reached} people; one call may reach {MOST_PEOPLE}"
    return Invalid(f"recipients: {reason}", {"recipients": [reason]})


def _used_up(now: datetime) -> RateLimited:
    wait = seconds_to_midnight(now)
    return RateLimited("The tools token's deliveries of today are used up.", retry_after=wait)
