"""The table `feedback`: pk = <person|integrator>#<id>, sk = <feedback id>, which sorts by time.

index list: listed = FEEDBACK, listedAs = <feedback id>
"""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from chalicelib import retention
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.stores.actions import put_new
from chalicelib.core.stores.codec import Codec, Column
from chalicelib.core.stores.ends import end_of
from chalicelib.core.stores.items import values
from chalicelib.core.stores.reads import query
from chalicelib.core.stores.writes import try_commit
from chalicelib.feedback.domain.feedback import Author, AuthorKind, Feedback
from chalicelib.resources import FEEDBACK, LIST_INDEX

_LISTED = "FEEDBACK"
_END = "~"


class DynamoFeedback:
    def add(self, feedback: Feedback, *, claim: Claim | None, reply: dict[str, Any]) -> None:
        """Store the feedback. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        keys = {"pk": _partition(feedback.author), "sk": feedback.feedback_id}
        listing = {"listed": _LISTED, "listedAs": feedback.feedback_id}
        # Ids are fresh, so feedback that is there was stored by a retry below us.
        row = keys | listing | _FEEDBACK.to_row(feedback) | end_of(retention.FEEDBACK, feedback.created_at)
        try_commit([put_new(FEEDBACK, row)], claim=claim, reply=reply)

    def list_before(self, author: Author | None, feedback_id: str | None, *, limit: int) -> Sequence[Feedback]:
        """List feedback older than `feedback_id`, newest first; without an author from an eventually consistent index.

        One store call per megabyte.
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
        return [_FEEDBACK.from_row(row, feedback_id=row["sk"]) for row in islice(rows, limit)]


def _partition(author: Author) -> str:
    return f"{author.kind}#{author.id}"


def _author(partition: str) -> Author:
    kind, _, author_id = partition.partition("#")
    return Author(AuthorKind(kind), author_id)


_FEEDBACK = Codec(Feedback, {"author": Column(to_row=_partition, from_row=_author)}, without=("feedback_id",))
