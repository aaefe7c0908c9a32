"""The table `feedback`: pk = <person|integrator>#<id>, sk = <feedback id>, which sorts by time.

index list: listed = FEEDBACK, listedAs = <feedback id>
"""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.stores.items import Row, to_item, values
from chalicelib.core.stores.reads import query
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.feedback.domain.feedback import Author, AuthorKind, Feedback, FeedbackKind
from chalicelib.resources import FEEDBACK, LIST_INDEX

_LISTED = "FEEDBACK"
_END = "~"


class DynamoFeedback:
    def add(self, feedback: Feedback, *, claim: Claim | None, reply: dict[str, Any]) -> None:
        """Store the feedback. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        row = {
            "pk": _partition(feedback.author),
            "sk": feedback.feedback_id,
            "listed": _LISTED,
            "listedAs": feedback.feedback_id,
            "author": _partition(feedback.author),
            "kind": feedback.kind.value,
            "message": feedback.message,
            "about": feedback.about,
            "createdAt": feedback.created_at,
        }
        put = {"TableName": FEEDBACK.physical_name, "Item": to_item(row)}
        try:
            commit([{"Put": put | {"ConditionExpression": "attribute_not_exists(pk)"}}], claim=claim, reply=reply)
        except Refused:
            # Ids are fresh, so this one was stored by a retry below us.
            return

    def list_before(self, author: Author | None, feedback_id: str | None, *, limit: int) -> Sequence[Feedback]:
        """Feedback older than `feedback_id`, newest first; of everybody from an index, eventually consistent.

        One store call a megabyte.
        """
        place: dict[str, Any] = {"ConsistentRead": True} if author else {"IndexName": LIST_INDEX}
        partition, key = ("pk", "sk") if author else ("listed", "listedAs")
        rows = query(
            FEEDBACK,
            **place,
            KeyConditionExpression=f"{partition} = :in AND {key} < :before",
            ExpressionAttributeValues=values(
                **{"in": _partition(author) if author else _LISTED, "before": feedback_id or _END}
            ),
            ScanIndexForward=False,
            Limit=limit,
        )
        return [_feedback(row) for row in islice(rows, limit)]


def _partition(author: Author) -> str:
    return f"{author.kind}#{author.id}"


def _feedback(row: Row) -> Feedback:
    kind, _, author_id = row["author"].partition("#")
    return Feedback(
        feedback_id=row["sk"],
        author=Author(AuthorKind(kind), author_id),
        kind=FeedbackKind(row["kind"]),
        message=row["message"],
        about=row["about"],
        created_at=row["createdAt"],
    )
