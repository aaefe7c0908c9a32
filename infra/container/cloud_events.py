"""CloudEvents that sources deliver by HTTP, as the events of workers and schedules (CloudEvents 1.0, HTTP binding)."""

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.core.domain.errors import Invalid

_STRUCTURED = "application/cloudevents+json"
_ID, _TYPE = "ce-id", "ce-type"
# How often a source has sent a message. Not all of them say so.
_RECEIVES = "ce-receivecount"


def to_queue_event(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Return a CloudEvent as an SQS event of one message. Names of `headers` are in lower case.

    Raises:
        Invalid: it is no CloudEvent.
    """
    message_id, data = _parse(headers, body)
    receives = headers.get(_RECEIVES, "1")
    record = {
        "messageId": message_id,
        "receiptHandle": message_id,
        "body": data,
        "attributes": {"ApproximateReceiveCount": receives if receives.isdecimal() else "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "",
        "awsRegion": "",
    }
    return {"Records": [record]}


def check_event(headers: Mapping[str, str], body: bytes) -> None:
    """Check that a request is a CloudEvent.

    Raises:
        Invalid: it is not.
    """
    _parse(headers, body)


def _parse(headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    """Return the id and the data of an event in binary or structured mode."""
    try:
        text = body.decode()
        if headers.get("content-type", "").partition(";")[0].strip().lower() != _STRUCTURED:
            return _required(headers.get(_ID), headers.get(_TYPE)), text
        event = json.loads(text)
        if not isinstance(event, dict):
            raise Invalid("The CloudEvent is no JSON object.")
        data = event.get("data", "")
        return _required(event.get("id"), event.get("type")), data if isinstance(data, str) else json.dumps(data)
    except (ValueError, RecursionError) as error:
        raise Invalid("The CloudEvent is malformed.") from error


def _required(event_id: object, kind: object) -> str:
    if not (isinstance(event_id, str) and event_id and kind):
        raise Invalid("A CloudEvent has an id and a type.")
    return event_id
