"""All stored deliveries, for commands that rebuild what is made from them."""

from collections.abc import Iterator, Sequence
from typing import Any

from chalicelib.aws import dynamodb
from chalicelib.core.stores.items import Row, from_item, values
from chalicelib.inbox.stores.delivery_rows import SORT_KEY
from chalicelib.resources import DELIVERIES


def scan_deliveries(attributes: Sequence[str] = ()) -> Iterator[Row]:
    """Read the rows of all deliveries, with these attributes or whole, a megabyte at a time."""
    request: dict[str, Any] = {
        "TableName": DELIVERIES.physical_name,
        "FilterExpression": "sk = :delivery",
        "ExpressionAttributeValues": values(delivery=SORT_KEY),
    }
    if attributes:
        request["ProjectionExpression"] = ", ".join(attributes)
    while True:
        page = dynamodb().scan(**request)
        yield from (from_item(dict(item)) for item in page["Items"])
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
