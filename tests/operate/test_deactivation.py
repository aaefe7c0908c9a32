"""Deactivating an employee ends every access that they have, and activating them again revives none of it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.api.deactivation import new_deactivation
from chalicelib.core.domain.errors import NotFound
from tests.chat.test_streams import hold
from tests.conftest import Desk
from tests.live.test_push import browsers, subscribe
from tests.support import inputs
from tests.support.api import Api
from tests.support.instances import run_admin
from tests.support.sessions import cookie, new_code, sign_in, use_code
from tests.support.sockets import Sockets

EVENTS, ME = "/api/v1/events", "/api/v2/me"
BOB = "bob@example.com"
pytestmark = pytest.mark.usefixtures("running_minute")


def deactivate() -> Any:
    return json.loads(run_admin("employees", "deactivate", BOB, "--json"))


def test_everything_that_a_person_has_open_ends_and_none_of_it_comes_back(
    api: Api, desk: Desk, sockets: Sockets
) -> None:
    session, code = sign_in(api, desk.user_id("bob")), new_code(desk.user_id("bob"))
    socket = sockets.connect(desk.bob_key)
    subscribe(api, desk.bob_key, "https://push.example.com/1")
    pieces, texts = hold(desk.bob_key)
    assert browsers(api, desk.bob_key) == 1

    assert deactivate() == {
        "email": BOB,
        "personalTokensDisabled": 1,
        "keysDisabled": 1,
        "sessionsEnded": 1,
        "signInLinksEnded": 1,
        "browsersUnsubscribed": 1,
        "toolsTokensLeft": [],
    }
    assert socket.gone
    rest = [each for each in texts if each]
    assert [("heartbeat" in each) for each in rest] == [True], "the reply ends without another wait"
    pieces.close()

    for _ in range(2):
        assert api.get(ME, desk.bob_key).status == 403
        assert api.get(ME, headers=cookie(session)).status == 401
        assert api.post(EVENTS, inputs.new_event(), desk.bob).status == 401
        assert sockets.connect(desk.bob_key).status == 403
        assert use_code(api, code).status == 401
        run_admin("employees", "activate", BOB)
    assert use_code(api, new_code(desk.user_id("bob"))).status == 201


def test_a_stream_ends_before_events_that_follow_the_deactivation(api: Api, desk: Desk) -> None:
    pieces, texts = hold(desk.bob_key)
    api.post("/api/v2/shared-chat/send", {"content": "before"}, desk.bob_key)
    deactivate()
    rest = "".join(texts)
    assert ("before" in rest, rest.count("event: ")) == (True, 2)
    pieces.close()


def test_a_client_that_comes_back_goes_on_after_the_entry_that_ended_its_reply(api: Api, desk: Desk) -> None:
    pieces, texts = hold(desk.bob_key)
    deactivate()
    last = "".join(texts).rpartition("id: ")[2].split()[0]
    pieces.close()
    run_admin("employees", "activate", BOB)
    run_admin("keys", "enable", json.loads(run_admin("keys", "list", "--owner", BOB, "--json"))[0]["keyId"])
    api.post("/api/v2/shared-chat/send", {"content": "after"}, desk.bob_key)
    again = api.get("/api/v2/shared-chat/stream", desk.bob_key, headers={"Last-Event-ID": last})
    assert again.text.count("event: ") == 2
    assert "after" in again.text


def test_what_another_person_has_stays(api: Api, desk: Desk, sockets: Sockets) -> None:
    socket, session = sockets.connect(desk.alice_key), sign_in(api, desk.user_id("alice"))
    deactivate()
    assert not socket.gone
    assert api.get(ME, headers=cookie(session)).status == 200


def test_deactivating_again_ends_nothing_more(desk: Desk) -> None:
    deactivate()
    again = deactivate()
    assert set(map(str, again.values())) == {BOB, "0", "[]"}


def test_nobody_is_deactivated_who_is_no_employee(desk: Desk) -> None:
    assert "no employee" in run_admin("employees", "deactivate", "nobody@example.com", fails=True)
    with pytest.raises(NotFound):
        new_deactivation().run("nobody", now=datetime.now(UTC))
