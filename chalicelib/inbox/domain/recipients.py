"""The recipients of a bulk call: expanded into people, and checked one by one."""

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
    placeholder_email,
)
from chalicelib.people.domain.directory import Person, Project
from chalicelib.tokens.domain.tokens import GrantView, grant_id


@dataclass(frozen=True)
class RecipientLookup:
    """The result of the first lookup: the sender, user ids by address, projects by slug, the integrator's items."""

    sender: Person | None
    user_ids: Mapping[str, str]
    groups: Mapping[str, Project | None]
    items: Sequence[str]

    def is_administered(self, group: Project) -> bool:
        """Whether the sender administers the project or the whole organisation."""
        sender = self.sender
        return sender is not None and sender.active and (sender.org_admin or sender.user_id in group.admins)


@dataclass(frozen=True)
class PeopleRecords:
    """The result of the second lookup.

    People and the items that they are approved for by user id, grants by grant id, first sends by delivery id.
    """

    people: Mapping[str, Person]
    grants: Mapping[str, GrantView]
    approved_by: Mapping[str, str]
    first_fires: Mapping[str, str]


def expand_recipients(request: BulkEventRequest, lookup: RecipientLookup) -> list[Target]:
    """Return a target for every person that the recipients name, in order, as often as they are named.

    Raises:
        Invalid: the groups have far more members than a call may reach.
    """
    targets: list[Target] = []
    member_count = 0
    for recipient in request.recipients:
        match recipient:
            case EmailRecipient(email=email):
                user_id = lookup.user_ids.get(email.lower())
                targets.append(Target(recipient, email, user_id, None if user_id else RowError.USER_NOT_FOUND))
            case UserRecipient(user_id=user_id):
                targets.append(Target(recipient, placeholder_email(user_id), user_id.lower()))
            case GroupRecipient():
                members = _expand_group(recipient, lookup)
                member_count += len(members)
                if member_count > MOST_MEMBERS_LOOKED_UP:
                    raise _too_many(member_count)
                targets += members
    return targets


def _expand_group(recipient: GroupRecipient, lookup: RecipientLookup) -> list[Target]:
    address, group = placeholder_email(recipient.slug), lookup.groups[recipient.slug]
    if group is None:
        return [Target(recipient, address, None, RowError.GROUP_NOT_FOUND)]
    if not lookup.is_administered(group):
        return [Target(recipient, address, None, RowError.NOT_GROUP_ADMIN)]
    return [Target(recipient, address, member) for member in sorted(group.members)]


def check_targets(
    targets: Sequence[Target],
    request: BulkEventRequest,
    lookup: RecipientLookup,
    records: PeopleRecords,
    integrator: str,
) -> list[Target]:
    """Return the targets that are a row of the reply, in order, each with the error that keeps the event from it.

    Raises:
        Invalid: the targets are more people than a call may reach.
    """
    rows: list[Target] = []
    for target in targets:
        person = records.people.get(target.user_id or "")
        if isinstance(target.recipient, GroupRecipient) and target.user_id and not (person and person.active):
            continue  # a group is its active members
        error = target.error or _find_error(person, request, lookup, records, integrator)
        rows.append(replace(target, email=person.email if person else target.email, error=error))
    reached = len({each.user_id for each in rows if each.user_id})
    if reached > MOST_PEOPLE:
        raise _too_many(reached)
    return rows


def _find_error(
    person: Person | None, request: BulkEventRequest, lookup: RecipientLookup, records: PeopleRecords, integrator: str
) -> RowError | None:
    if person is None:
        return RowError.USER_NOT_FOUND
    if not person.active:
        return RowError.USER_INACTIVE
    if request.event.project_slug:
        project = lookup.groups[request.event.project_slug]
        if project is None or not lookup.is_administered(project) or person.user_id not in project.members:
            return RowError.CROSS_PROJECT_BLOCKED
    if person.user_id not in records.approved_by:
        return RowError.NO_APPROVED_REQUEST
    grant = records.grants.get(grant_id(integrator, person.user_id))
    if grant is None:
        return None if request.auto_claim else RowError.NO_APPROVED_REQUEST
    if grant.status is TokenStatus.DISABLED:
        return RowError.TOKEN_DISABLED
    if not grant.usable and not request.auto_claim:
        return RowError.NO_TOKEN
    # A token that is issued anew keeps its ceiling.
    if grant.severity_ceiling and request.event.severity.rank > grant.severity_ceiling.rank:
        return RowError.SEVERITY_ABOVE_CEILING
    return None


def _too_many(reached: int) -> Invalid:
    reason = f"reach {reached} people; one call may reach {MOST_PEOPLE}"
    return Invalid(f"recipients: {reason}", {"recipients": [reason]})
