"""Bulk calls: one event to many people (fluxdesk-v1, BulkEventRequest)."""

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
# Inactive members of a group do not count as people reached. This bounds how many members are looked up at all.
MOST_MEMBERS_LOOKED_UP = 5_000
# For more people it is not looked up who listens: that would delay the reply.
MOST_LISTENERS_LOOKED_UP = 100
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
    """One event and its recipients."""

    event: InboundEvent
    recipients: Annotated[list[Recipient], Field(min_length=1, max_length=100)]
    auto_claim: bool = Field(
        default=True, description="Whether approved people without a token get one now. If false, their rows fail."
    )


class AddressedEvent(In):
    """One event and its recipient."""

    event: InboundEvent
    recipient: Recipient
    auto_claim: bool = Field(
        default=True, description="Whether an approved person without a token gets one now. If false, the row fails."
    )

    def as_bulk(self) -> BulkEventRequest:
        return BulkEventRequest(event=self.event, recipients=[self.recipient], auto_claim=self.auto_claim)


class RowError(StrEnum):
    """Why the event does not reach a recipient."""

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
    """The result for one recipient: a delivery, or the reason why there is none. Repeats have `deduped: true`."""

    email: str = Field(json_schema_extra={"format": "email"})
    recipient: Recipient
    delivery_id: Omittable[Uuid] = None
    deduped: Omittable[bool] = None
    pushed: Omittable[bool] = None
    push_pending: Omittable[bool] = Field(
        None, description="True where `pushed` is false only because the recipient is told after this reply."
    )
    auto_claimed: Omittable[bool] = None
    error: Omittable[RowError] = None


class BulkOut(Out):
    """One row per recipient, in the order of the request. A group's place is taken by its members."""

    results: list[BulkRow]
    request_id: str


@dataclass(frozen=True)
class Target:
    """One person that a recipient of the request names. `user_id` is None if nobody was found."""

    recipient: EmailRecipient | UserRecipient | GroupRecipient
    email: str
    user_id: str | None = None
    error: RowError | None = None

    @property
    def identity(self) -> object:
        """What targets that are the same person share. Without a user id, they were named the same."""
        return self.user_id or (self.recipient.type, self.email.lower())


@dataclass(frozen=True)
class AcceptedCall:
    """A bulk call whose deliveries are to be made. `fire` is the id of the send.

    `event_fields` are the fields of all its deliveries that come from the event; `people` are user ids.
    """

    fire: str
    integrator: str
    tools_token_id: str
    event_fields: Mapping[str, Any]
    accepted_at: str
    project_id: str | None
    people: tuple[str, ...]

    @property
    def event_part(self) -> str:
        """The beginning that the ids of its deliveries share."""
        return event_part(self.delivery_id(""))

    def delivery_id(self, user_id: str) -> str:
        return derive_delivery_id(self.integrator, user_id, self.event_fields["content"]["event_id"])

    def to_delivery(self, user_id: str) -> Delivery:
        """Make the delivery to one of its people."""
        return Delivery(
            delivery_id=self.delivery_id(user_id),
            integrator=self.integrator,
            tools_token_id=self.tools_token_id,
            sender_user_id=None,
            recipient_user_id=user_id,
            created_at=self.accepted_at,
            project_id=self.project_id,
            **self.event_fields,
        )


class FanOutJob(In):
    """A job of the queue `fan-out`: make the deliveries of an accepted call to these people.

    People in `behind` wait for a delivery of an earlier call with the same event, which must be made first.
    """

    event_part: str
    fire: str
    people: list[str]
    behind: list[str] = Field(default_factory=list)


def new_fan_out_jobs(accepted: AcceptedCall, behind: Collection[str]) -> list[FanOutJob]:
    """Split the call's deliveries into jobs of ten people each."""
    jobs = []
    for start in range(0, len(accepted.people), _PEOPLE_PER_JOB):
        people = list(accepted.people[start : start + _PEOPLE_PER_JOB])
        late = [each for each in people if each in behind]
        jobs.append(FanOutJob(event_part=accepted.event_part, fire=accepted.fire, people=people, behind=late))
    return jobs


def bulk_charge(request: BulkEventRequest) -> Charge:
    """Return the charge for a bulk call: one unit, and a delivery for each recipient that is not named again."""
    return Charge(units=1, deliveries=len({each.model_dump_json().lower() for each in request.recipients}))


def placeholder_email(name: str) -> str:
    """Return the address of a row without one: made of the recipient's name, or of its SHA-256 if it is too long."""
    local = quote(name, safe="")
    if len(local) > _LONGEST_LOCAL_PART:
        local = hashlib.sha256(name.encode()).hexdigest()
    return f"{local}@unresolved.invalid"
