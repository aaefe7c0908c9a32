"""Erasures and their receipts, in the table `directory`.

ERASURES / <id>  an erasure that is running: the person, the plan, and how far it has come
RECEIPTS / <id>  the receipt of one that has ended
USER#<id> / USER has `erasing`, the id of the erasure, so that nobody activates the person again
"""

from dataclasses import replace

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.audit import person_subject
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.stores.actions import delete, put, put_new, update
from chalicelib.core.stores.codec import Codec, Column
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get, query_partition
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.people.stores.directory_rows import address_key, person_key, row_key
from chalicelib.personal_data.domain.erasures import Erasure, Receipt
from chalicelib.resources import DIRECTORY

_ERASURES, _RECEIPTS = "ERASURES", "RECEIPTS"

_COUNTS = {"counts": Column(from_row=lambda counts: {name: int(number) for name, number in counts.items()})}
_ERASURE = Codec(Erasure, _COUNTS, without=("erasure_id",))
_RECEIPT = Codec(Receipt, _COUNTS, without=("receipt_id",))


class DynamoErasures:
    def begin(self, erasure: Erasure) -> None:
        """Store a new erasure of a deactivated person, and keep the person from being activated. One store call.

        Raises:
            Conflict: the person is active, or is being erased already.
        """
        mark = update(
            DIRECTORY,
            person_key(erasure.subject.user_id),
            "SET erasing = :id",
            "active = :no AND (attribute_not_exists(erasing) OR erasing = :id)",
            id=erasure.erasure_id,
            no=False,
        )
        try:
            commit(
                [mark, put_new(DIRECTORY, _key(erasure.erasure_id) | _ERASURE.to_row(erasure))],
                audited=person_subject(erasure.subject.user_id),
            )
        except Refused as refused:
            if self.find(erasure.erasure_id) is None:
                raise Conflict("This employee is active, or is being erased already.") from refused

    def list_running(self) -> list[Erasure]:
        """List the erasures that have not ended. One store call."""
        return [_from_row(row) for row in query_partition(DIRECTORY, _ERASURES)]

    def find(self, erasure_id: str) -> Erasure | None:
        """Find an erasure that has not ended. One store call."""
        row = get(DIRECTORY, _key(erasure_id))
        return _from_row(row) if row else None

    def save(self, erasure: Erasure, *, over: Erasure) -> Erasure | None:
        """Store how far an erasure has come, and return what is stored; another's work if that was faster.

        None if it has ended. Store calls: 1; 2 if another was faster.
        """
        saved = replace(erasure, version=over.version + 1)
        row = _key(erasure.erasure_id) | _ERASURE.to_row(saved)
        if try_commit([put(DIRECTORY, row, "version = :seen", seen=over.version)]):
            return saved
        return self.find(erasure.erasure_id)

    def finish(self, erasure: Erasure, receipt: Receipt) -> Receipt:
        """Delete the account and the erasure, and store the receipt, all at once. Store calls: 1; 2 for a repeat.

        Raises:
            NotFound: there is no such erasure.
        """
        subject = erasure.subject
        row = row_key(_RECEIPTS, receipt.receipt_id) | _RECEIPT.to_row(receipt)
        actions = [
            delete(DIRECTORY, _key(erasure.erasure_id), "version = :seen", seen=erasure.version),
            delete(DIRECTORY, person_key(subject.user_id)),
            delete(
                DIRECTORY, address_key(subject.email), "attribute_not_exists(pk) OR userId = :id", id=subject.user_id
            ),
            delete(
                DIRECTORY,
                row_key("PEOPLE", subject.email),
                "attribute_not_exists(pk) OR userId = :id",
                id=subject.user_id,
            ),
            put_new(DIRECTORY, row),
        ]
        attempts = Attempts("The erasure is changed by too many calls at once.")
        while attempts.again():
            if try_commit(actions):
                return receipt
            if stored := get(DIRECTORY, row_key(_RECEIPTS, receipt.receipt_id)):
                return _RECEIPT.from_row(stored, receipt_id=receipt.receipt_id)
            if self.find(erasure.erasure_id) is None:
                raise NotFound("There is no such erasure.")

    def find_receipt(self, receipt_id: str) -> Receipt | None:
        """Find a receipt. One store call."""
        row = get(DIRECTORY, row_key(_RECEIPTS, receipt_id))
        return _RECEIPT.from_row(row, receipt_id=receipt_id) if row else None

    def list_receipts(self) -> list[Receipt]:
        """List all receipts. One store call per megabyte."""
        return [_RECEIPT.from_row(row, receipt_id=row["sk"]) for row in query_partition(DIRECTORY, _RECEIPTS)]


def _key(erasure_id: str) -> Row:
    return row_key(_ERASURES, erasure_id)


def _from_row(row: Row) -> Erasure:
    return _ERASURE.from_row(row, erasure_id=row["sk"])
