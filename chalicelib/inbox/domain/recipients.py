"""Who a bulk call reaches: its recipients as people, and what each of them may get."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.errors import Invalid
from chalicelib.inbox.domain.bulk import (
    MOST_MEMBERS_LOOKED_UP,
    MOST_PEOPLE,
    BulkEventRequest,
    EmailRecipient,
    GroupRecipient,
    RowError,
    Target,
    UserRecipient,
    unresolved,
)
from chalicelib.people.domain.directory import Person, Project
from chalicelib.tokens.domain.tokens import GrantView, grant_id


@dataclass(frozen=True)
class Meant:
    """What the first look tells: the sender, who is behind addresses and groups, what opens the integrator."""

    sender: Person | None
    user_ids: Mapping[str, str]
    groups: Mapping[str, Project | None]
    items: Sequence[str]

    def administers(self, group: Project) -> bool:
        """Whether the sender does: as the organisation's administrator, or as the group's."""
        sender = self.sender
        return sender is not None and sender.active and (sender.org_admin or sender.user_id in group.admins)


@dataclass(frozen=True)
class Known:
    """What the second look tells of each person, by user id; grants by grant id, fires by delivery id."""

    people: Mapping[str, Person]
    grants: Mapping[str, GrantView]
    approved_by: Mapping[str, str]
    first_fires: Mapping[str, str]


def targets(request: BulkEventRequest, meant: Meant) -> list[Target]:
    """Everyone the recipients stand for, in their order, as often as they are named.

    Raises:
        Invalid: the groups have far more members than a call may reach.
    """
    found: list[Target] = []
    members = 0
    for recipient in request.recipients:
        match recipient:
            case EmailRecipient(email=email):
                user_id = meant.user_ids.get(email.lower())
                found.append(Target(recipient, email, user_id, None if user_id else RowError.USER_NOT_FOUND))
            case UserRecipient(user_id=user_id):
                found.append(Target(recipient, unresolved(user_id), user_id.lower()))
            case GroupRecipient():
                group = _members(recipient, meant)
                members += len(group)
                if members > MOST_MEMBERS_LOOKED_UP:
                    raise _too_many(members)
                found += group
    return found


def _members(recipient: GroupRecipient, meant: Meant) -> list[Target]:
    address, group = unresolved(recipient.slug), meant.groups[recipient.slug]
    if group is None:
        return [Target(recipient, address, None, RowError.GROUP_NOT_FOUND)]
    if not meant.administers(group):
        return [Target(recipient, address, None, RowError.NOT_GROUP_ADMIN)]
    return [Target(recipient, address, member) for member in sorted(group.members)]


def judged(
    named: Sequence[Target], request: BulkEventRequest, meant: Meant, known: Known, integrator: str
) -> list[Target]:
    """One target a person, at the first of its places, with the reason why it gets nothing, if there is one.

    Raises:
        Invalid: they are more than a call may reach.
    """
    first: dict[object, Target] = {}
    for target in named:
        person = known.people.get(target.user_id or "")
        if isinstance(target.recipient, GroupRecipient) and target.user_id and not (person and person.active):
            continue  # a group is its active members
        error = target.error or _error(person, request, meant, known, integrator)
        # Who was not found is told apart by what it was called.
        place = target.user_id or (target.recipient.type, target.email.lower())
        first.setdefault(place, replace(target, email=person.email if person else target.email, error=error))
    reached = sum(1 for each in first.values() if each.user_id)
    if reached > MOST_PEOPLE:
        raise _too_many(reached)
    return list(first.values())


def _error(
    person: Person | None, request: BulkEventRequest, meant: Meant, known: Known, integrator: str
) -> RowError | None:
    if person is None:
        return RowError.USER_NOT_FOUND
    if not person.active:
        return RowError.USER_INACTIVE
    if request.event.project_slug:
        project = meant.groups[request.event.project_slug]
        if project is None or not meant.administers(project) or person.user_id not in project.members:
            return RowError.CROSS_PROJECT_BLOCKED
    if person.user_id not in known.approved_by:
        return RowError.NO_APPROVED_REQUEST
    grant = known.grants.get(grant_id(integrator, person.user_id))
    if grant is None:
        return None if request.auto_claim else RowError.NO_APPROVED_REQUEST
    if grant.status is TokenStatus.DISABLED:
        return RowError.TOKEN_DISABLED
    if not grant.usable and not request.auto_claim:
        return RowError.NO_TOKEN
    # A token that is issued anew keeps the ceiling it had.
    if grant.severity_ceiling and request.event.severity.rank > grant.severity_ceiling.rank:
        return RowError.SEVERITY_ABOVE_CEILING
    return None


def _too_many(reached: int) -> Invalid:
    reason = f"reach {reached} people; one call may reach {MOST_PEOPLE}"
    return Invalid(f"recipients: {reason}", {"recipients": [reason]})
