"""Proposals of agents: what a task's agent wants to do, and what its person decided about that."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError, from_json

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import In, Line, Omittable, Out, TimeOut, Timestamp, not_blank, timestamp

_LARGEST_METADATA = 65_536
_MOST_ARGUMENTS = 50

_Prose = Annotated[str, Field(min_length=1, max_length=2_000), AfterValidator(not_blank)]


def _is_finite(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def parse_object(value: Any) -> Any:
    """Read an object, or an object as JSON; for use as a `BeforeValidator`."""
    if isinstance(value, str):
        try:
            value = from_json(value, allow_inf_nan=False)
        except ValueError:
            value = None
    if not isinstance(value, dict) or not _is_finite(value):
        raise PydanticCustomError("metadata", "Must be an object, or an object as JSON")
    if len(json.dumps(value)) > _LARGEST_METADATA:
        raise PydanticCustomError("too_large", "Must have at most 65,536 characters as JSON")
    return value


ArgumentName = Annotated[Line, Field(min_length=1, max_length=100)]


class ProposalIn(In):
    """What the agent wants to do."""

    tool: Annotated[Line, Field(min_length=1, max_length=100)] = Field(description="The tool that the agent will call.")
    arguments: Annotated[dict[ArgumentName, Any], Field(max_length=_MOST_ARGUMENTS)] = Field(
        default={}, description="The arguments of the call, by name. The person can edit them."
    )
    why: _Prose = Field(description="Why the agent wants to do it.")
    otherwise: Omittable[_Prose] = Field(None, description="What happens if it is not approved.")
    expires_at: Omittable[Timestamp] = Field(
        None, alias="expiresAt", description="Until when it can be approved. Then it is removed from the queue."
    )
    reversible: bool = Field(default=True, description="Whether it can be undone. If not, the person is asked again.")


class MetadataIn(BaseModel):
    """An object of any members. `proposal` is what an agent wants to do, with its arguments."""

    model_config = ConfigDict(defer_build=True, hide_input_in_errors=True, extra="allow", frozen=True, strict=True)

    proposal: Omittable[ProposalIn] = None

    def to_object(self) -> dict[str, Any]:
        """Return the object as it is stored."""
        others = dict(self.model_extra or {})
        if self.proposal is None:
            return others
        known = self.proposal.model_dump(by_alias=True, exclude_none=True, exclude={"expires_at"})
        until = {"expiresAt": timestamp(self.proposal.expires_at)} if self.proposal.expires_at else {}
        return others | {"proposal": known | until}


Metadata = Annotated[MetadataIn, BeforeValidator(parse_object)]


class Outcome(StrEnum):
    """What was decided about a task that waited for confirmation."""

    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Verdict:
    """What was decided, when, and why. `changed` names the arguments that the person edited before approving.

    `standing_id` is the standing approval by which it was approved. `by_id` and `by_name` are the delegate who decided
    for the task's person.
    """

    outcome: Outcome
    at: str
    reason: str | None = None
    changed: tuple[str, ...] = ()
    standing_id: str | None = None
    by_id: str | None = None
    by_name: str | None = None


class VerdictOut(Out):
    """The decision about a task that waited for confirmation."""

    outcome: Outcome
    at: TimeOut
    reason: str | None = Field(None, description="What the person said about it.")
    changed: list[str] = Field(
        [], description="The names of the proposal's arguments that the person edited. The metadata has their values."
    )
    standing_approval_id: str | None = Field(None, description="The standing approval that approved it, if one did.")
    decided_by: str | None = Field(None, description="The name of the delegate who decided for the task's person.")


def to_verdict_response(verdict: Verdict) -> VerdictOut:
    return VerdictOut(
        outcome=verdict.outcome,
        at=verdict.at,
        reason=verdict.reason,
        changed=list(verdict.changed),
        standing_approval_id=verdict.standing_id,
        decided_by=verdict.by_name,
    )


def verdict_members(verdict: Verdict | None) -> dict[str, Any]:
    """Return the member of a live event that tells agents of a decision; none without one."""
    if verdict is None:
        return {}
    return {"decision": to_verdict_response(verdict).model_dump(mode="json", by_alias=True, exclude_none=True)}


def is_over(expires_at: str | None, *, now: datetime) -> bool:
    """Whether what expires then can't be approved any more."""
    return expires_at is not None and expires_at <= timestamp(now)


def edit_arguments(metadata: str | None, edits: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return metadata whose proposal has the edited arguments, with the names of those that differ.

    Raises:
        Invalid: there is no proposal, it has no such argument, or the value is of another type.
    """
    known = json.loads(metadata) if metadata else {}
    proposal = known.get("proposal")
    if not isinstance(proposal, dict) or not isinstance(proposal.get("arguments"), dict):
        raise Invalid("arguments: the task has no proposal", {"arguments": ["must be left out"]})
    arguments = proposal["arguments"]
    reasons = {f"arguments.{name}": [why] for name, value in edits.items() if (why := _flaw(arguments, name, value))}
    if reasons:
        first, (why,) = next(iter(reasons.items()))
        raise Invalid(f"{first}: {why}", reasons)
    changed = tuple(name for name, value in edits.items() if not _is_same(value, arguments[name]))
    edited = known | {"proposal": proposal | {"arguments": arguments | dict(edits)}}
    if len(json.dumps(edited)) > _LARGEST_METADATA:
        raise Invalid("arguments: too large", {"arguments": ["must have at most 65,536 characters with the metadata"]})
    return json.dumps(edited, ensure_ascii=False), changed


def _is_same(one: Any, other: Any) -> bool:
    # In Python, true is 1.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _flaw(arguments: Mapping[str, Any], name: str, value: Any) -> str | None:
    if name not in arguments:
        return "is not an argument of the proposal"
    was = arguments[name]
    if was is not None and value is not None and _kind(was) is not _kind(value):
        return "must be of the same type as proposed"
    return None


def _kind(value: Any) -> type:
    return float if type(value) is int else type(value)


class Author(StrEnum):
    """Who wrote a comment. A key may be used by a person too, but only a session proves one."""

    PERSON = "person"
    AGENT = "agent"


@dataclass(frozen=True)
class Comment:
    """What a person and an agent say about a task before it is done. `name` is that of the agent, or of its key."""

    author: Author
    name: str
    text: str
    at: str
    comment_id: str = ""


class CommentIn(In):
    """A question or an answer about a task."""

    text: Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(not_blank)]


class CommentOut(Out):
    """What a person or an agent said about a task."""

    author: Author = Field(description="A `person` has signed in; an `agent` has an API key.")
    name: str = Field(description="The name of the agent, or of its key. Empty for a person.")
    text: str
    at: TimeOut


def to_comment_response(comment: Comment) -> CommentOut:
    return CommentOut(author=comment.author, name=comment.name, text=comment.text, at=comment.at)
