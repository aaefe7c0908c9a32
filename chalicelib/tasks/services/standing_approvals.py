"""Standing approvals: make, list and end what a person lets an agent do from now on."""

from typing import Protocol

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, Forbidden, Invalid, NotFound
from chalicelib.core.domain.fields import is_uuid
from chalicelib.core.domain.requests import RequestContext
from chalicelib.tasks.domain.queue import Item
from chalicelib.tasks.domain.settings import QueueState
from chalicelib.tasks.domain.standing_approvals import (
    MOST_STANDING,
    StandingApprovalIn,
    StandingApprovalOut,
    StandingApprovalsOut,
    new_standing_approval,
    to_standing_response,
)
from chalicelib.tasks.services.ports import StandingApprovals


class ItemsWithState(Protocol):
    """Finds items, with the counts of the person's rows."""

    def find_with_state(self, user_id: str, item_id: str) -> tuple[Item | None, QueueState]: ...


def list_standing_approvals(*, owner: ApiKey, standing: StandingApprovals) -> StandingApprovalsOut:
    """List what the owner's agents may do without asking. Store calls after authentication: 1."""
    found = standing.list_all(owner.user_id)
    return StandingApprovalsOut(standing_approvals=[to_standing_response(each) for each in found])


def add_standing_approval(
    request: StandingApprovalIn,
    *,
    standing_id: str,
    owner: ApiKey,
    context: RequestContext,
    queue: ItemsWithState,
    standing: StandingApprovals,
) -> StandingApprovalOut:
    """Let the agent of a task do the same from now on.

    Store calls after authentication, in sequence: 3. A conflict with another call repeats all of them.

    Raises:
        Forbidden: the agent itself asks.
        Invalid: it is no task of the owner, the task has no proposal of an agent, or the limits are none.
        Conflict: the owner has as many as they can have.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts("Too many calls are changing the queue. Try again.")
    while attempts.again():
        # The list is not older than the state that its number depends on.
        item, state = queue.find_with_state(owner.user_id, request.task_id)
        known = standing.list_all(owner.user_id)
        if item is None:
            raise Invalid("taskId: must be a task of yours", {"taskId": ["must be a task of yours"]})
        made = new_standing_approval(request, item, standing_id=standing_id, now=context.now)
        if made.key_id == owner.key_id:
            raise Forbidden("An agent can't approve itself. Sign in, or use another key.")
        # An attempt whose response was lost may have stored it.
        is_stored = any(each.standing_id == standing_id for each in known)
        if len(known) >= MOST_STANDING and not is_stored:
            raise Conflict(f"You have {MOST_STANDING} standing approvals, which is the maximum. End one first.")
        response = to_standing_response(made)
        reply = response.model_dump(mode="json")
        if is_stored or standing.add(made, seen=state, claim=context.claim, reply=reply):
            return response


def end_standing_approval(standing_id: str, *, owner: ApiKey, standing: StandingApprovals) -> None:
    """End a standing approval: the agent has to ask again. Store calls after authentication: 1.

    Raises:
        NotFound: there is none, it has ended, or it is somebody else's.
    """
    if not is_uuid(standing_id) or not standing.end(owner.user_id, standing_id.lower()):
        raise NotFound("No such standing approval.")
