"""Feedback on the desk: give it, read it."""

from typing import Any

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import ANY_AREA, ApiKey, ToolsToken
from chalicelib.core.domain.errors import Conflict, TooLarge
from chalicelib.edge.operation import Reply
from chalicelib.feedback.domain.feedback import (
    FeedbackAnswer,
    FeedbackIn,
    FeedbackListAnswer,
    FeedbackOut,
    FeedbackQuery,
)
from chalicelib.feedback.services import feedback
from chalicelib.feedback.stores.feedback import DynamoFeedback
from chalicelib.resources import FEEDBACK, LIST_INDEX

bp = Blueprint(__name__)


def _replay_submitted(stored: dict[str, Any]) -> Reply:
    return _submitted(FeedbackOut(**stored))


def _submitted(given: FeedbackOut) -> Reply:
    return Reply(FeedbackAnswer(success=True, data=given), 201)


@operation(
    bp,
    "POST",
    "/api/v2/feedback",
    tag="feedback",
    status=201,
    area=ANY_AREA,
    answer=FeedbackAnswer,
    answers={201: "The feedback as it is kept."},
    refusals=(Conflict, TooLarge),
    replay=_replay_submitted,
    grants=SPEND + REMEMBER + FEEDBACK.can("PutItem"),
)
def submit_feedback(body: FeedbackIn, caller: ApiKey | ToolsToken, call: Call) -> Reply:
    """Say what is wrong with the desk, what it lacks, or what is good about it.

    It is kept for the desk's administrators, under the key's owner or the token's integrator.
    """
    return _submitted(
        feedback.submit(body, feedback_id=ids.sortable(call.now), caller=caller, call=call, box=DynamoFeedback())
    )


@operation(
    bp,
    "GET",
    "/api/v2/feedback",
    tag="feedback",
    area=ANY_AREA,
    answers={200: "A page of feedback."},
    grants=SPEND + FEEDBACK.can("Query") + FEEDBACK.can("Query", index=LIST_INDEX),
)
def list_feedback(query: FeedbackQuery, caller: ApiKey | ToolsToken) -> FeedbackListAnswer:
    """List the caller's own feedback, newest first.

    A tools token of the organisation's administrators lists everybody's; what was given a moment ago may still be
    missing there.
    """
    return FeedbackListAnswer(success=True, data=feedback.list_page(query, caller=caller, box=DynamoFeedback()))
