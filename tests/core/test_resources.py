"""Resources: names on the engine, and the grants to use them."""

import pytest

from chalicelib import resources
from chalicelib.resources import (
    CALLBACKS,
    INBOX_INDEX,
    NOTIFY,
    NUDGE,
    QUEUES,
    REACH,
    SOCKET_API,
    SOCKET_WORK,
    SOCKETS,
    TOKENS,
    WEB_PUSH,
    Grant,
    Queue,
    Table,
    physical,
)

pytestmark = pytest.mark.engine("embedded")


def test_names_on_the_engine_have_the_prefix_of_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLUXDEN_PREFIX", raising=False)
    assert (TOKENS.physical_name, CALLBACKS.physical_name) == ("fluxden-tokens", "fluxden-callbacks")
    monkeypatch.setenv("FLUXDEN_PREFIX", "staging")
    assert physical("tokens") == TOKENS.physical_name == "staging-tokens"
    assert SOCKET_API.physical_name == "staging-sockets"
    assert CALLBACKS.dead_letters.physical_name == "staging-callbacks-dead-letters"


def test_each_action_on_a_table_is_a_grant_of_its_own() -> None:
    assert TOKENS.can("GetItem", "PutItem") == (
        Grant("dynamodb:GetItem", TOKENS),
        Grant("dynamodb:PutItem", TOKENS),
    )
    assert TOKENS.can() == ()


def test_grant_for_an_index_does_not_include_its_table() -> None:
    (grant,) = TOKENS.can("Query", index=INBOX_INDEX)
    assert grant.index == INBOX_INDEX
    assert grant not in TOKENS.can("Query")


def test_queue_is_granted_for_sending_and_its_dead_letters_are_another_queue() -> None:
    assert CALLBACKS.can_send() == CALLBACKS.can("SendMessage") == (Grant("sqs:SendMessage", CALLBACKS),)
    assert CALLBACKS.dead_letters not in QUEUES


def test_notification_may_only_touch_sockets_and_their_queue_and_a_nudge_only_its_queue() -> None:
    assert {grant.resource for grant in NOTIFY} == {SOCKETS, SOCKET_API, SOCKET_WORK}
    assert SOCKET_API.can_post()[0] in NOTIFY
    assert tuple(grant for grant in NOTIFY if grant.resource == SOCKET_WORK) == SOCKET_WORK.can_send()
    assert WEB_PUSH.can_send() + REACH.can_send() == NUDGE


def test_every_queue_is_listed_and_no_two_resources_of_a_kind_share_a_name() -> None:
    declared = [each for each in vars(resources).values() if isinstance(each, Queue)]
    assert set(QUEUES) == set(declared)
    for kind in (Table, Queue):
        names = [each.name for each in vars(resources).values() if isinstance(each, kind)]
        assert len(names) == len(set(names)) > 5
