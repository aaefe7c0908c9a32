"""Admin: dead letters and callbacks."""

from chalice.app import Blueprint

from chalicelib.api.audit import audited
from chalicelib.api.v2.contract import OPERATE, operate
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.stores.failures import DynamoFailures
from chalicelib.inbox.stores.clicks import DynamoClicks
from chalicelib.operate.domain.callbacks import CallbackOut, CallbacksQuery
from chalicelib.operate.domain.dead_letters import (
    DeadLetterOut,
    DeadLettersOut,
    RedriveIn,
    RedrivenOut,
)
from chalicelib.operate.gateways.dead_letters import SqsDeadLetters
from chalicelib.operate.services import callbacks, dead_letters
from chalicelib.parallel import gather
from chalicelib.resources import DELIVERIES, IDEMPOTENCY, QUEUES, RECENT_INDEX

bp = Blueprint(__name__)

_DEAD_LETTERS = "/api/v2/operate/dead-letters"
_READ = tuple(
    grant
    for queue in QUEUES
    for grant in queue.dead_letters.can("GetQueueAttributes", "ReceiveMessage", "ChangeMessageVisibility")
)
_REDRIVE = tuple(grant for queue in QUEUES for grant in queue.can_send() + queue.dead_letters.can("DeleteMessage"))
# The gateway ends a request after 29 seconds.
_LISTING_SECONDS = 5


@operate(
    bp,
    "GET",
    _DEAD_LETTERS,
    envelope="DeadLetterCountsAnswer",
    answers={200: "The counts."},
    grants=OPERATE + _READ,
)
def count_dead_letters(caller: ApiKey) -> list[DeadLettersOut]:  # noqa: ARG001 - admits
    """Count the dead letters of each queue, approximately."""
    return dead_letters.count_dead_letters(letters=SqsDeadLetters(_LISTING_SECONDS), gather=gather)


@operate(
    bp,
    "GET",
    f"{_DEAD_LETTERS}/{{queue}}",
    envelope="DeadLettersAnswer",
    answers={200: "The dead letters."},
    refusals=(NotFound,),
    grants=OPERATE + _READ + IDEMPOTENCY.can("BatchGetItem"),
)
def list_dead_letters(queue: str, caller: ApiKey) -> list[DeadLetterOut]:  # noqa: ARG001 - admits
    """List up to 100 dead letters of a queue, oldest first, with the reason for the last failure.

    `job` contains the ids in the message, never its content; of a list it contains the length. Listing counts as
    receiving, and hides the messages from other readers for a moment.
    """
    return dead_letters.list_dead_letters(queue, letters=SqsDeadLetters(_LISTING_SECONDS), failures=DynamoFailures())


@operate(
    bp,
    "POST",
    f"{_DEAD_LETTERS}/{{queue}}/redrive",
    envelope="RedrivenAnswer",
    answers={200: "The result of the redrive."},
    refusals=(NotFound, TooLarge),
    grants=OPERATE + _READ + _REDRIVE,
    audits=(AuditKind.DEAD_LETTERS_REDRIVE,),
)
def redrive_dead_letters(queue: str, body: RedriveIn, caller: ApiKey, context: RequestContext) -> RedrivenOut:
    """Send dead letters back to their queue.

    Send `messageIds`, or `all` for up to 500 per call. Each message is sent before it is deleted, so none is lost, and
    workers ignore duplicates. A message that was sent back is no longer listed, so you can repeat the call safely.
    """
    with audited(AuditKind.DEAD_LETTERS_REDRIVE, caller, context, Subject("queue", queue)) as entry:
        done = dead_letters.redrive_dead_letters(queue, body, letters=SqsDeadLetters(_LISTING_SECONDS))
        entry.add(sent=done.sent)
        return done


@operate(
    bp,
    "GET",
    "/api/v2/operate/callbacks",
    envelope="CallbacksAnswer",
    answers={200: "The callbacks."},
    grants=OPERATE + DELIVERIES.can("Query", "BatchGetItem") + DELIVERIES.can("Query", index=RECENT_INDEX),
)
def list_callbacks(query: CallbacksQuery, caller: ApiKey, context: RequestContext) -> list[CallbackOut]:  # noqa: ARG001 - admits
    """List callbacks with all attempts, newest first.

    The list contains the last seven days, or with `deliveryId` all callbacks of one delivery.
    """
    return callbacks.list_callbacks(query, context=context, clicks=DynamoClicks())
