"""The benchmarked operations without a framework: only the work that all variants share."""

from typing import Any

from pydantic import BaseModel

from bench.inbox_job import list_deliveries, read_delivery
from bench.publish_job import CONTEXT, publish
from chalicelib.ids import new_request_id
from chalicelib.inbox.domain.events import InboundEvent
from chalicelib.inbox.domain.inbox import InboxQuery


def publish_event(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Publish an event to the token's owner."""
    body = InboundEvent.model_validate_json(event["body"], context=CONTEXT)
    return _answer(publish(body, event["headers"]["Authorization"], new_request_id())[0], 202)


def list_inbox(event: dict[str, Any], _: object) -> dict[str, Any]:
    """List the deliveries of the key's owner."""
    query = InboxQuery.model_validate_strings(event["queryStringParameters"])
    return _answer(list_deliveries(query, event["headers"]["Authorization"], new_request_id())[0])


def get_inbox_delivery(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Read a delivery."""
    found, _ = read_delivery(event["pathParameters"]["deliveryId"], event["headers"]["Authorization"], new_request_id())
    return _answer(found)


def _answer(made: BaseModel, status: int = 200) -> dict[str, Any]:
    return {"statusCode": status, "headers": {}, "body": made.model_dump_json(by_alias=True, exclude_unset=True)}
