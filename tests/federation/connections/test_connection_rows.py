"""How connections are stored."""

import json

from chalicelib import aws
from chalicelib.resources import PEERS
from tests.conftest import Desk
from tests.federation.connections.connection_calls import receive_request
from tests.support.api import Api
from tests.support.peer import TOKEN, allow_federation


def test_tokens_are_stored_sealed(api: Api, desk: Desk) -> None:
    allow_federation()
    receive_request(api)
    assert TOKEN not in json.dumps(aws.dynamodb().scan(TableName=PEERS.physical_name)["Items"])
