"""The messages with which desks connect: names, aliases and validation."""

from typing import Any

import pytest

from tests.conftest import Desk
from tests.federation.connections.connection_calls import connections_of, receive_request
from tests.support.api import Api
from tests.support.peer import CONNECTIONS, allow_federation, connection_request

ALIASES = [
    {},
    {"fromInstanceUrl": "instanceUrl", "fromUserEmail": "senderEmail", "toUserEmail": "targetEmail"},
    {"fromInstanceUrl": "sourceUrl", "fromUserEmail": "email", "toUserEmail": "recipientEmail"},
    {"federationToken": "token", "connectionId": "remoteConnectionId", "fromUserName": "name"},
]


@pytest.mark.parametrize("aliases", ALIASES)
def test_all_aliases_of_members_are_accepted(api: Api, desk: Desk, aliases: dict[str, str]) -> None:
    allow_federation()
    first = receive_request(api, connectionId="c-1", fromUserName="Sam").json["connectionId"]
    sent = {
        aliases.get(name, name): value
        for name, value in connection_request(connectionId="c-1", fromUserName="Sam").items()
    }
    again = api.post(CONNECTIONS, sent)
    assert (again.status, again.json["connectionId"]) == (200, first)
    assert len(connections_of(api, desk.alice_key)) == 2


def test_the_first_alias_with_a_value_counts(api: Api, desk: Desk) -> None:
    allow_federation()
    sent = connection_request(
        fromInstanceUrl="", instanceUrl="https://second.example.org", sourceUrl="https://third.example.org"
    )
    assert api.post(CONNECTIONS, sent).status == 200
    assert connections_of(api, desk.alice_key)[-1]["peerInstanceUrl"] == "https://second.example.org"


@pytest.mark.parametrize(
    "given",
    [
        {"fromInstanceUrl": None},
        {"fromUserEmail": None},
        {"toUserEmail": None},
        {"federationToken": None},
        {"fromUserEmail": "  "},
        {"federationToken": "short"},
        {"federationToken": "has a space in it"},
        {"fromInstanceUrl": "http://other.example.org"},
        {"fromInstanceUrl": "https://127.0.0.1"},
        {"fromInstanceUrl": "https://10.1.2.3/desk"},
        {"fromInstanceUrl": "https://localhost"},
        {"fromInstanceUrl": "https://other.example.org/?x=1"},
        {"fromInstanceUrl": 5},
        {"fromInstanceUrl": "https://other.example.org/" + "é" * 300},
        {"fromUserEmail": "é" * 161},
        {"toUserEmail": "é" * 161},
        {"fluxden": {"keyId": "k", "publicKey": "AAAA"}},
    ],
)
def test_invalid_requests_are_refused_and_change_nothing(api: Api, desk: Desk, given: dict[str, Any]) -> None:
    allow_federation()
    assert receive_request(api, **given).status == 400
    assert len(connections_of(api, desk.alice_key)) == 1


def test_null_is_no_value_of_a_name(api: Api, desk: Desk) -> None:
    allow_federation()
    assert api.post(CONNECTIONS, connection_request() | {"fromUserName": None}).status == 400
    assert api.post(CONNECTIONS, connection_request() | {"fromUserName": None, "senderName": "Sam"}).status == 200
