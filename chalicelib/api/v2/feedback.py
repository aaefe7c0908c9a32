"""Submit and list feedback."""

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.callers import ANY_PERMISSION, ApiKey, ToolsToken
from chalicelib.core.domain.errors import Conflict, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.feedback.domain.feedback import (
    FeedbackIn,
    FeedbackOut,
    FeedbackPage,
    FeedbackQuery,
)
from chalicelib.feedback.services import feedback
from chalicelib.feedback.stores.feedback import DynamoFeedback
from chalicelib.resources import FEEDBACK, LIST_INDEX

bp = Blueprint(__name__)


@operation(
    bp,
    "POST",
    "/api/v2/feedback",
    tag="Feedback",
    status=201,
    permission=ANY_PERMISSION,
    envelope="FeedbackAnswer",
    answers={201: "The created feedback."},
    refusals=(Conflict, TooLarge),
    replay=FeedbackOut.model_validate,
    grants=SPEND + REMEMBER + FEEDBACK.can("PutItem"),
)
def submit_feedback(body: FeedbackIn, caller: ApiKey | ToolsToken, context: RequestContext) -> FeedbackOut:
    """Submit feedback: a problem, a missing feature or praise.

    The administrators can read it, along with the key's owner or the token's integrator.
    """
    return feedback.submit(
        body, feedback_id=ids.new_ulid(context.now), caller=caller, context=context, box=DynamoFeedback()
    )


@operation(
    bp,
    "GET",
    "/api/v2/feedback",
    tag="Feedback",
    permission=ANY_PERMISSION,
    envelope="FeedbackListAnswer",
    answers={200: "A page of feedback."},
    grants=SPEND + FEEDBACK.can("Query") + FEEDBACK.can("Query", index=LIST_INDEX),
)
def list_feedback(query: FeedbackQuery, caller: ApiKey | ToolsToken) -> FeedbackPage:
    """List your feedback, newest first.

    A tools token of the organisation's administrators lists all feedback. There, the latest entries may take a moment
    to appear.
    """
    return feedback.list_page(query, caller=caller, box=DynamoFeedback())
