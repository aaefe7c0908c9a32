"""A function without a framework. It makes recorded store calls with boto3, and answers."""

import json
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# The same client settings as chalicelib.aws.
_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=64,
    parameter_validation=False,
    tcp_keepalive=True,
)


@cache
def _client() -> Any:
    return boto3.client("dynamodb", config=_CONFIG)  # noqa: TID251 - plain boto3 is what we compare with


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor()


@cache
def _calls() -> str:
    return Path(os.environ["BENCH_CALLS"]).read_text(encoding="utf-8")


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Make every call, then answer 202. Groups run in order; the calls of a group run at the same time."""
    body = json.loads(event["body"])
    for group in json.loads(_calls().replace("DELIVERY-ID", str(uuid.uuid4()))):
        begun = [_threads().submit(_call, *call) for call in group[1:]]
        _call(*group[0])
        for each in begun:
            each.result()
    return {"statusCode": 202, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}


def _call(name: str, params: dict[str, Any]) -> None:
    # A condition may fail, because the recorded minute has ended. The call counts all the same.
    with suppress(ClientError):
        getattr(_client(), name)(**params)
