"""Approvals between a person and their agents: wait for decisions, discuss tasks, and end what has expired."""

from datetime import datetime, timedelta
from typing import Protocol

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey, Session
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.requests import RequestContext
from chalicelib.live.services.ports import Notifier
from chalicelib.tasks.domain.proposals import Author, Comment, CommentIn
from chalicelib.tasks.domain.queue import Item, comment_event
from chalicelib.tasks.domain.queue_messages import ApprovalQuery, TaskApprovalOut, to_approval_response
from chalicelib.tasks.services.ports import ItemApprovals
from chalicelib.tasks.services.queue import parse_item_id

_NO_ITEM = "Task not found."
_PAUSE_SECONDS = 1.0


class Waiting(Protocol):
    """Lets time pass, up to a number of seconds."""

    def __call__(self, seconds: float, /) -> None: ...


def read_approval(
    item_id: str,
    query: ApprovalQuery,
    *,
    owner: ApiKey,
    now: datetime,
    longest: int,
    approvals: ItemApprovals,
    wait: Waiting,
) -> TaskApprovalOut:
    """Return how it stands with the approval of an item, as soon as that is decided or there is another comment.

    Waits as long as the query says, but at most `longest` seconds. Store calls after authentication: 1, and 1 for each
    second of waiting.

    Raises:
        NotFound: there is no such item, or it is somebody else's.
    """
    item_id, left = parse_item_id(item_id), float(min(query.wait_seconds, longest))
    while True:
        found = approvals.find_approval(owner.user_id, item_id)
        if found is None:
            raise NotFound(_NO_ITEM)
        item, is_removed = found
        response = to_approval_response(item, is_removed=is_removed, now=now)
        is_news = query.seen_comments is not None and len(item.comments) > query.seen_comments
        if response.state != "waiting" or is_news or left <= 0:
            return response
        pause = min(left, _PAUSE_SECONDS)
        wait(pause)
        left, now = left - pause, now + timedelta(seconds=pause)


def add_comment(
    item_id: str,
    request: CommentIn,
    *,
    comment_id: str,
    owner: ApiKey,
    agent_name: str | None,
    context: RequestContext,
    approvals: ItemApprovals,
    notifier: Notifier,
) -> TaskApprovalOut:
    """Add a comment to an item, for its person or their agents to answer.

    Store calls after authentication, in sequence: 2, and 2 to push.

    Raises:
        NotFound: there is no such item, it was removed, or it is somebody else's.
        Conflict: the item is done, or has as many comments as it can have.
        Invalid: the item would be too large.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    now, item_id = context.now, parse_item_id(item_id)
    # A session is named after its browser, which is nothing to tell agents.
    is_person = isinstance(owner, Session)
    author, name = (Author.PERSON, "") if is_person else (Author.AGENT, agent_name or owner.name)
    comment = Comment(author, name, request.text, timestamp(now), comment_id)
    attempts = Attempts("Too many calls are changing the task. Try again.")
    while attempts.again():
        before = _find_present(owner.user_id, item_id, approvals)
        # An attempt whose response was lost may have stored it.
        is_stored = any(each.comment_id == comment_id for each in before.comments)
        after = before if is_stored else before.commented(comment)
        response = to_approval_response(after, is_removed=False, now=now)
        reply = response.model_dump(mode="json")
        if is_stored or approvals.comment(before, after, claim=context.claim, reply=reply):
            notifier.notify(owner.user_id, comment_event(after), log_state=None, now=now)
            return response


def _find_present(user_id: str, item_id: str, approvals: ItemApprovals) -> Item:
    found = approvals.find_approval(user_id, item_id)
    if found is None or found[1]:
        raise NotFound(_NO_ITEM)
    return found[0]
