"""Delegations: who decides on somebody else's proposals, and until when."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import In, Line, Omittable, OpenIn, Out, TimeOut, Timestamp, not_blank, timestamp
from chalicelib.core.domain.pages import Pagination
from chalicelib.live.domain.frames import FrameType, LiveEvent
from chalicelib.people.domain.directory import Person
from chalicelib.tasks.domain.proposals import parse_object
from chalicelib.tasks.domain.queue import Item, ItemStatus
from chalicelib.tasks.domain.queue_messages import ItemOut, to_item_response

MOST_GIVEN = 5
MOST_RECEIVED = 20
_LONGEST = timedelta(days=90)


@dataclass(frozen=True)
class Delegation:
    """Lets the delegate decide on the delegator's proposals until `until`. Both are user ids."""

    delegation_id: str
    delegator_id: str
    delegate_id: str
    created_at: str
    until: str

    def is_over(self, now: datetime) -> bool:
        return self.until <= timestamp(now)

    def partner_of(self, user_id: str) -> str:
        """Return the other one of the two."""
        return self.delegate_id if user_id == self.delegator_id else self.delegator_id


@dataclass(frozen=True)
class Delegations:
    """The delegations of one person that have not ended: to others, and to them."""

    given: Sequence[Delegation] = ()
    received: Sequence[Delegation] = ()

    @classmethod
    def of(cls, user_id: str, found: Iterable[Delegation]) -> "Delegations":
        ordered = sorted(found, key=lambda each: (each.created_at, each.delegation_id))
        return cls(
            [each for each in ordered if each.delegator_id == user_id],
            [each for each in ordered if each.delegate_id == user_id],
        )


class DelegationIn(In):
    """Who decides on your proposals, and until when."""

    to: Annotated[Line, Field(min_length=1, max_length=120)] = Field(
        description="The email address or user id of an employee."
    )
    until: Timestamp = Field(description=f"When it ends, at most {_LONGEST.days} days from now.")


class ColleagueOut(Out):
    """A person of this desk."""

    id: str
    name: str


class DelegationOut(Out):
    """A delegation: the delegate decides on the delegator's proposals."""

    id: str
    delegator: ColleagueOut
    delegate: ColleagueOut
    created_at: TimeOut
    until: TimeOut


class DelegationsOut(Out):
    """Delegations that have not ended, the oldest first."""

    given: list[DelegationOut] = Field(description="Who decides on your proposals.")
    received: list[DelegationOut] = Field(description="On whose proposals you decide.")


class DelegatedTaskOut(Out):
    """A proposal that waits for a decision, and whose it is."""

    delegation_id: str
    delegator: ColleagueOut
    task: ItemOut


class DelegatedTasksOut(Out):
    """Proposals that wait for a decision: by delegator, then the most urgent first."""

    tasks: list[DelegatedTaskOut]
    pagination: Pagination


class DelegatedConfirmIn(OpenIn):
    """The decision about somebody else's proposal."""

    action: Literal["approve", "reject"]
    arguments: Omittable[Annotated[dict[str, Any], BeforeValidator(parse_object)]] = Field(
        None,
        description="Arguments of the proposal to change before it is approved, by name, each of the type that was "
        "proposed.",
    )
    reason: Omittable[Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(not_blank)]] = Field(
        None, description="Why, for the agent and the delegator to read."
    )


def new_delegation(
    until: datetime, *, delegation_id: str, delegator_id: str, delegate: Person | None, now: datetime
) -> Delegation:
    """Create a delegation.

    Raises:
        Invalid: the delegate is no active employee, or the delegator, or the end is none.
    """
    if delegate is None or not delegate.active:
        raise _invalid("to", "must name an active employee, by email address or user id")
    if delegate.user_id == delegator_id:
        raise _invalid("to", "must name somebody else")
    if not now < until <= now + _LONGEST:
        raise _invalid("until", f"must be in the next {_LONGEST.days} days")
    return Delegation(delegation_id, delegator_id, delegate.user_id, timestamp(now), timestamp(until))


def is_delegable(item: Item) -> bool:
    """Whether delegates see the item: it is a proposal of an agent of its person, and waits for a decision."""
    return item.proposal is not None and item.status is ItemStatus.PENDING_CONFIRMATION


def to_delegation_response(delegation: Delegation, people: Mapping[str, Person]) -> DelegationOut:
    return DelegationOut(
        id=delegation.delegation_id,
        delegator=to_colleague(delegation.delegator_id, people),
        delegate=to_colleague(delegation.delegate_id, people),
        created_at=delegation.created_at,
        until=delegation.until,
    )


def to_delegated_task(item: Item, delegation: Delegation, people: Mapping[str, Person]) -> DelegatedTaskOut:
    return DelegatedTaskOut(
        delegation_id=delegation.delegation_id,
        delegator=to_colleague(delegation.delegator_id, people),
        task=to_item_response(item),
    )


def to_colleague(user_id: str, people: Mapping[str, Person]) -> ColleagueOut:
    found = people.get(user_id)
    return ColleagueOut(id=user_id, name=found.name if found else "")


def delegated_event(
    change: Literal["begun", "ended", "added", "decided"], delegator_id: str, item: Item | None = None
) -> LiveEvent:
    """Build the live event for the other one of a delegation. A new proposal is pushed to browsers, too."""
    about = {"itemId": item.item_id, "itemTitle": item.title} if item else {}
    members = {"changeType": change, "delegatorId": delegator_id} | about
    urgency = item.priority.urgency if item and change == "added" else None
    return LiveEvent(FrameType.DELEGATION_CHANGED, members, urgency=urgency)


def expired_event(delegation: Delegation, people: Mapping[str, Person]) -> LiveEvent:
    """Build the live event for both people of a delegation that is over."""
    members = {"changeType": "expired", "delegatorId": delegation.delegator_id, "delegateId": delegation.delegate_id}
    names = {
        "delegatorName": to_colleague(delegation.delegator_id, people).name,
        "delegateName": to_colleague(delegation.delegate_id, people).name,
    }
    return LiveEvent(FrameType.DELEGATION_CHANGED, members | names)


def _invalid(path: str, why: str) -> Invalid:
    return Invalid(f"{path}: {why}", {path: [why]})
