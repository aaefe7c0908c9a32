"""The secrets that sign an integrator's callbacks, in the table `directory`: INTEGRATOR#<slug> / WEBHOOK.

current, prior: sealed (see vault); priorUntil: until when the prior secret signs too, in epoch seconds
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from chalicelib import ids
from chalicelib.aws import dynamodb
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.inbox.domain.callbacks import SigningSecrets
from chalicelib.resources import DIRECTORY
from chalicelib.vault import seal, unseal

PRIOR_SIGNS_FOR = timedelta(hours=24)


class DynamoSigningSecrets:
    def get(self, slug: str) -> SigningSecrets:
        """Return the integrator's secrets, and make the first one when there is none. One store call; two to make it.

        Raises:
            ValueError: they were sealed with another deployment's key, or none is set.
        """
        return _secrets(slug, self._row(slug))

    def get_known(self, slug: str) -> SigningSecrets:
        """Return the secrets of an existing integrator. One store call more.

        Raises:
            NotFound: there is no such integrator.
        """
        key = to_item({"pk": "INTEGRATORS", "sk": slug})
        if "Item" not in dynamodb().get_item(TableName=DIRECTORY.physical_name, Key=key, ConsistentRead=True):
            raise NotFound(f"There is no integrator {slug}.")
        return self.get(slug)

    def rotate(self, slug: str, *, now: datetime) -> SigningSecrets:
        """Replace the integrator's secret. The replaced one signs too for 24 hours; an older one no longer signs.

        Raises:
            NotFound: there is no such integrator.
            Conflict: another call rotates it at the same time.
        """
        self.get_known(slug)
        present, until = self._row(slug), int((now + PRIOR_SIGNS_FOR).timestamp())
        current = seal(ids.new_signing_secret(), place=_place(slug))
        row = {"current": current, "prior": present["current"], "priorUntil": until}
        try:
            dynamodb().update_item(
                TableName=DIRECTORY.physical_name,
                Key=to_item(_key(slug)),
                UpdateExpression="SET #current = :current, #prior = :prior, priorUntil = :priorUntil",
                # A retry by the client library finds its own write.
                ConditionExpression="#current = :prior OR #current = :current",
                ExpressionAttributeNames={"#current": "current", "#prior": "prior"},
                ExpressionAttributeValues=values(**row),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise Conflict(f"Another call is rotating the secret of {slug}. Try again in a moment.") from error
        return _secrets(slug, row)

    def _row(self, slug: str) -> Row:
        table = DIRECTORY.physical_name
        got = dynamodb().get_item(TableName=table, Key=to_item(_key(slug)), ConsistentRead=True)
        if "Item" in got:
            return from_item(dict(got["Item"]))
        row = _key(slug) | {"current": seal(ids.new_signing_secret(), place=_place(slug))}
        try:
            dynamodb().put_item(
                TableName=table,
                Item=to_item(row),
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            item: Any = error.response.get("Item")
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException" or not item:
                raise
            return from_item(item)
        return row


def _key(slug: str) -> Row:
    return {"pk": f"INTEGRATOR#{slug}", "sk": "WEBHOOK"}


def _place(slug: str) -> str:
    return f"INTEGRATOR#{slug}/WEBHOOK"


def _secrets(slug: str, row: Row) -> SigningSecrets:
    current = unseal(row["current"], place=_place(slug))
    if "prior" not in row:
        return SigningSecrets(current)
    until = datetime.fromtimestamp(int(row["priorUntil"]), UTC)
    return SigningSecrets(current, unseal(row["prior"], place=_place(slug)), until)
