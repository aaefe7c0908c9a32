"""Standing approvals: what a person lets one agent do from now on, within limits, without asking."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import WHOLE, In, Out, TimeOut, Timestamp, Uuid, parse_timestamp, timestamp
from chalicelib.tasks.domain.proposals import ArgumentName
from chalicelib.tasks.domain.queue import Item

MOST_STANDING = 50
_MOST_USES = 10_000
_MOST_DAYS = 366
_LONGEST = 2_000


@dataclass(frozen=True)
class StandingApproval:
    """Approves proposals of one key for one tool, `uses_left` times and until `until`.

    `required` are arguments that must have these values, and `most` the largest values of others; both are JSON objects
    as text. `names` are the only arguments that a proposal may have. `agent` is the name of the key.
    """

    standing_id: str
    user_id: str
    tool: str
    key_id: str
    agent: str
    created_at: str
    until: str
    uses_left: int
    required: str = "{}"
    most: str = "{}"
    names: tuple[str, ...] = ()

    def covers(self, item: Item, *, now: datetime) -> bool:
        """Whether the item's proposal is one that it approves. What can't be undone is always asked."""
        proposal = item.proposal
        if proposal is None or item.proposer is None or proposal.get("reversible") is not True:
            return False
        is_meant = (proposal["tool"], item.proposer.key_id) == (self.tool, self.key_id)
        if not is_meant or self.uses_left < 1 or self.until <= timestamp(now):
            return False
        given = proposal["arguments"]
        if not set(given) <= set(self.names):
            return False
        required: Mapping[str, Any] = json.loads(self.required)
        most: Mapping[str, float] = json.loads(self.most)
        return all(name in given and _is_same(given[name], value) for name, value in required.items()) and all(
            _is_number(given.get(name)) and given[name] <= bound for name, bound in most.items()
        )


class StandingApprovalIn(In):
    """From a task whose proposal is approved, what its agent may do from now on."""

    task_id: Uuid = Field(alias="taskId", description="A task with a proposal: its agent and its tool are meant.")
    until: Timestamp = Field(description="When it ends, at most 366 days from now.")
    uses: Annotated[int, Field(ge=1, le=_MOST_USES), WHOLE] = Field(description="How many proposals it approves.")
    required: Annotated[dict[ArgumentName, Any], Field(max_length=50)] = Field(
        default={},
        description="Arguments that must have these values. No proposal has arguments that the task's has not.",
    )
    most: Annotated[dict[ArgumentName, Annotated[float, Field(allow_inf_nan=False)]], Field(max_length=50)] = Field(
        default={}, description="The largest values of arguments that are numbers."
    )


class StandingApprovalOut(Out):
    """What an agent may do without asking."""

    id: str
    tool: str
    agent: str = Field(description="The name of the agent's key.")
    created_at: TimeOut
    until: TimeOut
    uses_left: int
    required: dict[str, Any]
    most: dict[str, float]


class StandingApprovalsOut(Out):
    """What agents may do without asking, the oldest first. Those that have ended are left out."""

    standing_approvals: list[StandingApprovalOut]


def new_standing_approval(
    request: StandingApprovalIn, item: Item, *, standing_id: str, now: datetime
) -> StandingApproval:
    """Create a standing approval of what the item's agent proposes.

    Raises:
        Invalid: the item has no proposal of an agent that can be undone, or the limits are none.
    """
    proposal, proposer = item.proposal, item.proposer
    if proposal is None or proposer is None:
        raise _invalid("taskId", "must be a task that an agent proposed with a proposal")
    if proposal.get("reversible") is not True:
        raise _invalid("taskId", "must be a proposal that can be undone; others are always asked")
    for path, limits in (("required", request.required), ("most", request.most)):
        if not set(limits) <= set(proposal["arguments"]):
            raise _invalid(path, "must name arguments of the task's proposal")
    days = (request.until - now).total_seconds() / 86_400
    if not 0 < days <= _MOST_DAYS:
        raise _invalid("until", f"must be in the next {_MOST_DAYS} days")
    required, most = (json.dumps(each, ensure_ascii=False) for each in (request.required, request.most))
    for name, text in (("required", required), ("most", most)):
        if len(text) > _LONGEST:
            raise _invalid(name, f"must have at most {_LONGEST} characters as JSON")
    return StandingApproval(
        standing_id=standing_id,
        user_id=item.user_id,
        tool=proposal["tool"],
        key_id=proposer.key_id,
        agent=proposer.name,
        created_at=timestamp(now),
        until=timestamp(request.until),
        uses_left=request.uses,
        required=required,
        most=most,
        names=tuple(proposal["arguments"]),
    )


def find_covering(found: Iterable[StandingApproval], item: Item, *, now: datetime) -> StandingApproval | None:
    """Return the standing approval that approves the item: of several, the one that ends first."""
    covering = [each for each in found if each.covers(item, now=now)]
    return min(covering, key=lambda each: (each.until, each.standing_id), default=None)


def to_standing_response(found: StandingApproval) -> StandingApprovalOut:
    return StandingApprovalOut(
        id=found.standing_id,
        tool=found.tool,
        agent=found.agent,
        created_at=found.created_at,
        until=found.until,
        uses_left=found.uses_left,
        required=json.loads(found.required),
        most=json.loads(found.most),
    )


def end_in_seconds(found: StandingApproval) -> int:
    """Return when it ends, in epoch seconds."""
    return int(parse_timestamp(found.until).timestamp())


def _invalid(path: str, why: str) -> Invalid:
    return Invalid(f"{path}: {why}", {path: [why]})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_same(one: Any, other: Any) -> bool:
    # In Python, true is 1.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
