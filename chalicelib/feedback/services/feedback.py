"""Feedback on the desk: stored for its author, read by the author and by administrators."""

from collections.abc import Sequence
from typing import Any, Protocol

from chalicelib.core.domain.callers import ApiKey, ToolsToken
from chalicelib.core.domain.cursors import from_cursor, to_cursor
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.domain.pages import count_fitting, to_json
from chalicelib.core.domain.requests import RequestContext
from chalicelib.feedback.domain.feedback import (
    Author,
    Feedback,
    FeedbackIn,
    FeedbackOut,
    FeedbackPage,
    FeedbackQuery,
    to_response,
)


class Box(Protocol):
    def add(self, feedback: Feedback, *, claim: Claim | None, reply: dict[str, Any]) -> None: ...
    def list_before(self, author: Author | None, feedback_id: str | None, *, limit: int) -> Sequence[Feedback]: ...


def submit(
    given: FeedbackIn, *, feedback_id: str, caller: ApiKey | ToolsToken, context: RequestContext, box: Box
) -> FeedbackOut:
    """Store the caller's feedback. Store calls after authentication: 1.

    Raises:
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    feedback = Feedback(feedback_id, Author.of(caller), given.kind, given.message, given.about, timestamp(context.now))
    answer = to_response(feedback)
    box.add(feedback, claim=context.claim, reply=answer.model_dump(mode="json"))
    return answer


def list_page(query: FeedbackQuery, *, caller: ApiKey | ToolsToken, box: Box) -> FeedbackPage:
    """List a page of the caller's own feedback; administrators list everybody's. Store calls after authentication: 1.

    Raises:
        Invalid: the cursor is none of this list's.
    """
    everybodys = isinstance(caller, ToolsToken) and caller.admin
    author = Author.of(caller)
    bound = ("feedback", author.kind, author.id, everybodys)
    before = from_cursor(query.cursor, 1, *bound)[0] if query.cursor is not None else None
    found = box.list_before(None if everybodys else author, before, limit=query.limit + 1)
    listing = [to_response(each) for each in found[: query.limit]]
    page = listing[: count_fitting(map(to_json, listing))]
    cursor = to_cursor([page[-1].id], *bound) if len(found) > len(page) else None
    return FeedbackPage(items=page, next_cursor=cursor)
