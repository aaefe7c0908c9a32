"""How connections are stored: rows that give back every connection, and tokens that are sealed for their own row."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import aws
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.items import from_item, to_item
from chalicelib.federation.connections.domain.connections import (
    ANSWERED_WITHIN,
    Connection,
    ConnectionStatus,
    Initiator,
    PeerKey,
    Proof,
)
from chalicelib.federation.connections.stores import connection_rows as rows
from chalicelib.resources import PEERS
from tests.conftest import Desk
from tests.federation.connections.connection_calls import receive_request
from tests.support.api import Api
from tests.support.peer import TOKEN, allow_federation

NOON = datetime(2026, 5, 21, 12, tzinfo=UTC)

texts = st.text("abc#/", min_size=1, max_size=9)
keys = st.builds(PeerKey, texts, texts)
connections = st.builds(
    Connection,
    **dict.fromkeys(["connection_id", "user_id", "user_email", "user_name", "peer_url", "peer_email"], texts),
    **dict.fromkeys(["asked_as", "token_hash"], texts),
    **dict.fromkeys(["created_at", "updated_at"], st.just(timestamp(NOON))),
    **dict.fromkeys(["keys_due_at", "keys_tried_at"], st.none()),
    peer_key=st.none() | keys,
    published=st.just(()),
    version=st.integers(1, 10**6),
)


@given(connections)
def test_a_connection_comes_back_from_its_row_as_it_was(connection: Connection) -> None:
    row = rows.key_of(connection) | rows.to_columns(connection)
    assert rows.from_row(from_item(to_item(row))) == connection
    assert "token" not in row


@given(connections)
def test_the_row_of_a_pair_has_the_state_of_its_connection(connection: Connection) -> None:
    row = rows.to_pair_row(connection)
    assert rows.state_from_pair_row(row) == connection.state
    assert row.items() >= rows.pair_key_of(connection).items()


@pytest.mark.parametrize("status", ConnectionStatus)
def test_only_a_pending_request_is_due_until_it_is_answered(status: ConnectionStatus) -> None:
    members: dict[str, Any] = dict.fromkeys(Connection.__dataclass_fields__)
    members |= {"status": status, "initiator": Initiator.US, "created_at": timestamp(NOON), "connection_id": "c"}
    row = rows.to_pointer_row(Connection(**members))
    due = timestamp(NOON + ANSWERED_WITHIN) if status is ConnectionStatus.PENDING else None
    assert row.get("dueAt") == due
    assert timedelta(days=30) == ANSWERED_WITHIN


@pytest.mark.parametrize(("proof", "within"), [(None, timedelta(hours=72)), (Proof.CALLBACK, timedelta(days=30))])
def test_a_peers_request_is_due_sooner_while_its_desk_has_not_confirmed_it(
    proof: Proof | None, within: timedelta
) -> None:
    members: dict[str, Any] = dict.fromkeys(Connection.__dataclass_fields__)
    members |= {"status": ConnectionStatus.PENDING, "initiator": Initiator.PEER, "proof": proof}
    row = rows.to_pointer_row(Connection(**members | {"created_at": timestamp(NOON), "connection_id": "c"}))
    assert row["dueAt"] == timestamp(NOON + within)


def test_a_token_opens_only_for_the_connection_it_was_sealed_for() -> None:
    sealed = rows.sealed_token("one", TOKEN)
    assert TOKEN not in str(sealed)
    assert rows.unsealed_token(sealed | {"connectionId": "one"}) == TOKEN
    with pytest.raises(ValueError, match=r"."):
        rows.unsealed_token(sealed | {"connectionId": "two"})


def test_tokens_are_stored_sealed(api: Api, desk: Desk) -> None:
    allow_federation()
    receive_request(api)
    assert TOKEN not in json.dumps(aws.dynamodb().scan(TableName=PEERS.physical_name)["Items"])
