"""Accepted bulk calls: which deliveries earlier calls have accepted already."""

from collections import Counter

import pytest

from chalicelib.core.domain.errors import Unavailable
from chalicelib.inbox.domain.delivery_ids import derive_delivery_id
from chalicelib.resources import FAN_OUT
from chalicelib.tokens.domain.tokens import MintOutcome
from tests.conftest import Desk
from tests.inbox.bulk_calls import (
    EVENTS,
    INBOX,
    by_email,
    errors,
    send,
)
from tests.support import inputs
from tests.support.api import Api
from tests.support.concurrency import run_concurrently
from tests.support.pump import Pumps


def test_deduped_is_true_after_a_single_or_a_bulk_send(api: Api, desk: Desk, pump: Pumps) -> None:
    event = inputs.new_event()
    api.post(EVENTS, event, desk.alice)
    first = send(api, desk.fd1, by_email("alice", "bob"), event=event)
    again = send(api, desk.fd1, by_email("alice", "bob", "carol"), event=event)
    assert [row["deduped"] for row in first.json["results"]] == [True, False]
    assert [row["deduped"] for row in again.json["results"]] == [True, True, False]
    pump.drain(FAN_OUT)
    counts = [api.get(f"{EVENTS}/{row['deliveryId']}", desk.fd1).json["fireCount"] for row in again.json["results"]]
    assert counts == [3, 2, 1]


def test_concurrent_sends_are_new_once_for_each_person(api: Api, desk: Desk, pump: Pumps) -> None:
    event = inputs.new_event()
    replies = run_concurrently(8, lambda _: send(api, desk.fd1, by_email("alice", "bob"), event=event))
    for place in (0, 1):
        assert Counter(reply.json["results"][place]["deduped"] for reply in replies) == {False: 1, True: 7}
    pump.drain(FAN_OUT)
    assert api.get(INBOX, desk.alice_key).json["items"][0]["fireCount"] == 8


def test_call_after_a_queue_failure_counts_as_the_first(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    event = inputs.new_event()

    def refuse(*_: object) -> None:
        raise Unavailable("the queue is full")

    with monkeypatch.context() as broken:
        broken.setattr("chalicelib.core.gateways.job_queue.JobQueue.send_all", refuse)
        assert send(api, desk.fd1, by_email("alice"), event=event).status == 503
    assert send(api, desk.fd1, by_email("alice"), event=event).json["results"][0]["deduped"] is False


def test_person_who_loses_the_approval_meanwhile_gets_nothing(
    api: Api, desk: Desk, pump: Pumps, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = inputs.new_event()

    def never(*_: object, **__: object) -> MintOutcome:
        return MintOutcome.NEVER

    with monkeypatch.context() as revoked:
        revoked.setattr("chalicelib.catalog.stores.claims.DynamoClaims.put_first_token", never)
        assert errors(send(api, desk.fd1, by_email("alice", "carol"), event=event)) == [None, "no_approved_request"]
    pump.drain(FAN_OUT)
    promised = derive_delivery_id("fd1", desk.user_id("carol"), event["event_id"])
    assert api.get(f"{EVENTS}/{promised}", desk.fd1).status == 404
    assert send(api, desk.fd1, by_email("carol"), event=event).json["results"][0]["deduped"] is False
