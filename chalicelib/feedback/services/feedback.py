"""Feedback on the desk: given by whoever works with it, read by its author and by administrators."""

from collections.abc import Sequence
from typing import Any, Protocol

from chalicelib import ids
from chalicelib.core.domain.callers import ApiKey, ToolsToken
from chalicelib.core.domain.errors import Invalid
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
    shown,
)


class Box(Protocol):
    def add(self, feedback: Feedback, *, claim: Claim | None, reply: dict[str, Any]) -> None: ...
    def list_before(self, author: Author | None, feedback_id: str | None, *, limit: int) -> Sequence[Feedback]: ...


def submit(
    given: FeedbackIn, *, feedback_id: str, caller: ApiKey | ToolsToken, context: RequestContext, box: Box
) -> FeedbackOut:
    """Keep the caller's feedback. Store calls after authentication: 1.

    Raises:
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    feedback = Feedback(feedback_id, Author.of(caller), given.kind, given.message, given.about, timestamp(context.now))
    answer = shown(feedback)
    box.add(feedback, claim=context.claim, reply=answer.model_dump(mode="json"))
    return answer


def list_page(query: FeedbackQuery, *, caller: ApiKey | ToolsToken, box: Box) -> FeedbackPage:
    """A page of the caller's own feedback, for an administrator of everybody's. Store calls after authentication: 1.

    Raises:
        Invalid: the cursor is none of this list's.
    """
    if query.cursor is not None and not ids.is_ulid(query.cursor):
        raise Invalid("cursor: does not continue this list", {"cursor": ["does not continue this list"]})
    everybodys = isinstance(caller, ToolsToken) and caller.admin
    found = box.list_before(None if everybodys else Author.of(caller), query.cursor, limit=query.limit + 1)
    listing = [shown(each) for each in found[: query.limit]]
    page = listing[: count_fitting(map(to_json, listing))]
    return FeedbackPage(items=page, next_cursor=page[-1].id if len(found) > len(page) else None)
