"""A function without a framework. It makes recorded store calls with boto3, and answers."""

import json
import os
import threading
import uuid
from contextlib import suppress
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


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Make every call, then answer 202. Groups run in order; the calls of a group run at the same time."""
    client = boto3.client("dynamodb", config=_CONFIG)  # noqa: TID251 - plain boto3 is what we compare with
    body = json.loads(event["body"])
    told = Path(os.environ["BENCH_CALLS"]).read_text(encoding="utf-8").replace("DELIVERY-ID", str(uuid.uuid4()))
    for group in json.loads(told):
        threads = [threading.Thread(target=_call, args=(client, *call)) for call in group[1:]]
        for thread in threads:
            thread.start()
        _call(client, *group[0])
        for thread in threads:
            thread.join()
    return {"statusCode": 202, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}


def _call(client: Any, name: str, params: dict[str, Any]) -> None:
    # The condition may fail, because the recorded minute has ended. The call counts all the same.
    with suppress(ClientError):
        getattr(client, name)(**params)
