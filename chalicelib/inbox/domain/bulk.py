"""Bulk fan-out: one event to many people (fluxdesk-v1, BulkEventRequest)."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field

from chalicelib.core.domain.budgets import Charge
from chalicelib.core.domain.fields import Email, In, Omittable, Out, Uuid
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.domain.delivery_ids import derive_delivery_id, event_part
from chalicelib.inbox.domain.events import InboundEvent

MOST_PEOPLE = 1_000
# A group may have inactive members, which do not count; beyond this many they are not even looked at.
MOST_MEMBERS_LOOKED_UP = 5_000
_PEOPLE_PER_JOB = 10
_LONGEST_LOCAL_PART = 64  # RFC 5321, 4.5.3.1.1


class EmailRecipient(In):
    """A person by address."""

    type: Literal["email"]
    email: Email


class UserRecipient(In):
    """A person by id."""

    type: Literal["user_id"]
    user_id: Uuid


class GroupRecipient(In):
    """The active members of a project."""

    type: Literal["group"]
    slug: str = Field(min_length=1, max_length=80)


Recipient = Annotated[EmailRecipient | UserRecipient | GroupRecipient, Field(discriminator="type")]


class BulkEventRequest(In):
    """One event and the people it is for."""

    event: InboundEvent
    recipients: Annotated[list[Recipient], Field(min_length=1, max_length=100)]
    auto_claim: bool = Field(
        default=True, description="Whether approved people without a token get one now, or their row fails."
    )


class AddressedEvent(In):
    """One event and whom it is for."""

    event: InboundEvent
    recipient: Recipient
    auto_claim: bool = Field(
        default=True, description="Whether somebody approved who has no token gets one now, or the row fails."
    )

    def as_bulk(self) -> BulkEventRequest:
        return BulkEventRequest(event=self.event, recipients=[self.recipient], auto_claim=self.auto_claim)


class RowError(StrEnum):
    """Why one recipient gets nothing."""

    USER_NOT_FOUND = "user_not_found"
    USER_INACTIVE = "user_inactive"
    GROUP_NOT_FOUND = "group_not_found"
    NOT_GROUP_ADMIN = "not_group_admin"
    CROSS_PROJECT_BLOCKED = "cross_project_blocked"
    NO_APPROVED_REQUEST = "no_approved_request"
    NO_TOKEN = "no_token"
    TOKEN_DISABLED = "token_disabled"
    SEVERITY_ABOVE_CEILING = "severity_above_ceiling"


class BulkRow(Out):
    """What becomes of the event for one person: its delivery, or the reason why there is none."""

    email: str = Field(json_schema_extra={"format": "email"})
    recipient: Recipient
    delivery_id: Omittable[Uuid] = None
    deduped: Omittable[bool] = None
    pushed: Omittable[bool] = None
    auto_claimed: Omittable[bool] = None
    error: Omittable[RowError] = None


class BulkOut(Out):
    """One row a person, in the order of the request."""

    results: list[BulkRow]
    request_id: str


@dataclass(frozen=True)
class Target:
    """One person the event is for, and as which recipient of the request; no `user_id` when none was found."""

    recipient: EmailRecipient | UserRecipient | GroupRecipient
    email: str
    user_id: str | None = None
    error: RowError | None = None


@dataclass(frozen=True)
class Accepted:
    """A bulk call whose deliveries are due: enough to make each of them, and to know which send it is.

    `told` are the deliveries' members that are the event's own, `people` the user ids of those who get it.
    """

    fire: str
    integrator: str
    tools_token_id: str
    told: Mapping[str, Any]
    accepted_at: str
    project_id: str | None
    people: tuple[str, ...]

    @property
    def event_part(self) -> str:
        """What the ids of its deliveries begin with."""
        return event_part(self.delivery_id(""))

    def delivery_id(self, user_id: str) -> str:
        return derive_delivery_id(self.integrator, user_id, self.told["content"]["event_id"])

    def delivery(self, user_id: str) -> Delivery:
        """The delivery to one of its people."""
        return Delivery(
            delivery_id=self.delivery_id(user_id),
            integrator=self.integrator,
            tools_token_id=self.tools_token_id,
            sender_user_id=None,
            recipient_user_id=user_id,
            created_at=self.accepted_at,
            project_id=self.project_id,
            **self.told,
        )


class FanOutJob(In):
    """A queue message: make the deliveries of these people, of this accepted call.

    Those `behind` have one due of an earlier call of the same event, which is to come first.
    """

    event_part: str
    fire: str
    people: list[str]
    behind: list[str] = Field(default_factory=list)


def new_fan_out_jobs(accepted: Accepted, behind: Collection[str]) -> list[FanOutJob]:
    """Split the call's deliveries into jobs of ten people each."""
    jobs = []
    for start in range(0, len(accepted.people), _PEOPLE_PER_JOB):
        people = list(accepted.people[start : start + _PEOPLE_PER_JOB])
        late = [each for each in people if each in behind]
        jobs.append(FanOutJob(event_part=accepted.event_part, fire=accepted.fire, people=people, behind=late))
    return jobs


def bulk_charge(request: BulkEventRequest) -> Charge:
    """A unit of the minute, and a delivery of the day for each recipient named."""
    return Charge(units=1, deliveries=len(request.recipients))


def unresolved(name: str) -> str:
    """The address shown where none is known: by the name, or by its SHA-256 where an address can't be so long."""
    local = quote(name, safe="")
    if len(local) > _LONGEST_LOCAL_PART:
        local = hashlib.sha256(name.encode()).hexdigest()
    return f"{local}@unresolved.invalid"
