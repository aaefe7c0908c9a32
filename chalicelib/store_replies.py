"""What DynamoDB and SQS are sent and answer, as boto3's client takes and returns it; see `store_client`."""

import base64
import json
import re
import zlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError

# Answers that are part of normal work and never retried, with what they tell. Each is a class of errors, as in boto3.
_MEMBERS = {
    "ConditionalCheckFailedException": ("message", "Item"),
    "TransactionCanceledException": ("Message", "CancellationReasons"),
}
EXPECTED: dict[str, type[ClientError]] = {name: type(name, (ClientError,), {}) for name in _MEMBERS}
_BINARY = re.compile(rb'"BS?"')


@dataclass(frozen=True)
class Reply:
    """What came back over a connection, with its headers in lower case."""

    status: int
    headers: dict[str, str]
    content: bytes


def encode(value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value)} is not part of a request")


def parse(reply: Reply) -> dict[str, Any] | None:
    """Return the result, or the error that is expected; None for everything else."""
    try:
        if int(reply.headers.get("x-amz-crc32") or zlib.crc32(reply.content)) != zlib.crc32(reply.content):
            return None
        body = json.loads(reply.content)
        if _BINARY.search(reply.content):
            body = _decode(body)
    except ValueError:
        return None
    if not isinstance(body, dict) or "x-amzn-query-error" in reply.headers:
        return None
    if reply.status == HTTPStatus.OK:
        parsed = body if None not in body.values() else {name: each for name, each in body.items() if each is not None}
    elif reply.status != HTTPStatus.BAD_REQUEST or (parsed := _parse_error(body)) is None:  # type: ignore[assignment]
        return None
    metadata: dict[str, Any] = {"HTTPStatusCode": reply.status, "HTTPHeaders": reply.headers, "RetryAttempts": 0}
    if (request_id := reply.headers.get("x-amzn-requestid")) is not None:
        metadata["RequestId"] = request_id
    return parsed | {"ResponseMetadata": metadata}


def _parse_error(body: dict[str, Any]) -> dict[str, Any] | None:
    code = str(body.get("__type", "")).partition(":")[0].rpartition("#")[2]
    if code not in EXPECTED:
        return None
    error = {"Message": body.get("message", body.get("Message", "")), "Code": code}
    return {"Error": error} | {name: body[name] for name in _MEMBERS[code] if body.get(name) is not None}


def _decode(value: Any) -> Any:
    """Return the value with its binary attributes as bytes."""
    match value:
        case {"B": str(text), **rest} if not rest:
            return {"B": base64.b64decode(text)}
        case {"BS": [*texts], **rest} if not rest:
            return {"BS": [base64.b64decode(each) for each in texts]}
        case dict():
            return {name: _decode(each) for name, each in value.items()}
        case list():
            return [_decode(each) for each in value]
    return value
