"""Sessions: sign in with a link, call operations with the cookie, and end sessions."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from chalicelib import aws
from chalicelib.core.domain import bounds
from chalicelib.ids import SignInSecret, mint_sign_in_secret
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import SOCKET_WORK
from chalicelib.settings import settings
from chalicelib.tokens.domain.sessions import COOKIE, family_of
from infra.tables import DEFINITIONS
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.concurrency import run_concurrently
from tests.support.listeners import frame_types
from tests.support.pump import Pumps
from tests.support.sessions import OWN_PAGE, SESSIONS, cookie, new_code, session_of, sign_in, use_code
from tests.support.sign_in_calls import printed_calls
from tests.support.sockets import Client, Sockets

ME, MINE = "/api/v2/me", "/api/v2/me/sessions"
SEND = "/api/v2/shared-chat/send"
UNKNOWN = "fx{}_" + "a" * 49
LATER = datetime(2040, 5, 21, 12, 0, 10, tzinfo=UTC)
_CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36{}"


@pytest.fixture
def session(api: Api, desk: Desk) -> str:
    return sign_in(api, desk.user_id("alice"))


def get(api: Api, path: str, session: str) -> Any:
    answer = api.get(path, headers=cookie(session))
    assert answer.status == 200, answer.text
    return answer.json["data"]


def test_a_code_signs_its_person_in(api: Api, desk: Desk) -> None:
    with time_machine.travel(LATER, tick=False):
        answer = use_code(api, new_code(desk.user_id("alice")))
        assert answer.status == 201
        assert answer.json["data"] == {
            "person": {"id": desk.user_id("alice"), "name": "Alice", "email": "alice@example.com"},
            "sessionId": answer.json["data"]["sessionId"],
            "endsAt": "2040-05-22T00:00:10.000Z",
        }
        assert answer.headers["set-cookie"] == (
            f"{COOKIE}={session_of(answer)}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=604800"
        )
        found = get(api, ME, session_of(answer))
    assert (found["email"], found["key"]["permissions"], found["key"]["isSession"]) == (
        "alice@example.com",
        "all",
        True,
    )


def test_a_page_asks_first_whom_a_code_signs_in(api: Api, desk: Desk) -> None:
    code = new_code(desk.user_id("alice"))
    answer = api.post(SESSIONS, {"code": code, "preview": True}, headers=OWN_PAGE)
    assert (answer.status, "set-cookie" in answer.headers) == (200, False)
    data = answer.json["data"]
    assert (data["person"]["email"], data["sessionId"]) == ("alice@example.com", None)
    assert use_code(api, code).status == 201


def test_the_session_is_in_no_row(api: Api, desk: Desk, session: str) -> None:
    code = new_code(desk.user_id("alice"))
    rows = str([aws.dynamodb().scan(TableName=each.table.physical_name)["Items"] for each in DEFINITIONS])
    assert re.fullmatch(r"fxs_[A-Za-z0-9_-]{49}", session)
    assert session not in rows
    assert code not in rows


def test_a_code_works_once_even_among_sixteen(api: Api, desk: Desk) -> None:
    code = new_code(desk.user_id("alice"))
    assert sorted(run_concurrently(16, lambda _: use_code(api, code).status)) == [201] + [401] * 15
    assert len(get(api, MINE, sign_in(api, desk.user_id("alice")))) == 2


@pytest.mark.parametrize("code", ["x", "fxc_", UNKNOWN.format("c"), UNKNOWN.format("s"), "unknown"])
def test_what_is_no_code_signs_nobody_in(api: Api, desk: Desk, code: str) -> None:
    answer = use_code(api, mint_sign_in_secret(SignInSecret.CODE).text if code == "unknown" else code)
    assert (answer.status, "set-cookie" in answer.headers) == (401, False)
    assert "sign-in link" in answer.json["error"]


def test_a_code_ends_after_a_day(api: Api, desk: Desk) -> None:
    with time_machine.travel(LATER, tick=False) as clock:
        first, second = (new_code(desk.user_id("alice")) for _ in range(2))
        clock.shift(timedelta(hours=24, seconds=-1))
        assert use_code(api, first).status == 201
        clock.shift(1)
        assert use_code(api, second).status == 401


def test_a_former_employee_is_not_signed_in(api: Api, desk: Desk) -> None:
    code = new_code(desk.user_id("alice"))
    DynamoDirectory().set_active(desk.user_id("alice"), active=False)
    assert use_code(api, code).status == 401


def test_a_session_ends_when_it_is_not_used(api: Api, desk: Desk) -> None:
    with time_machine.travel(LATER, tick=False) as clock:
        session = sign_in(api, desk.user_id("alice"))
        for _ in range(3):
            clock.shift(timedelta(hours=12, seconds=-1))
            get(api, ME, session)
        clock.shift(timedelta(hours=12))
        assert api.get(ME, headers=cookie(session)).status == 401


def test_a_session_ends_after_seven_days_however_it_is_used(api: Api, desk: Desk) -> None:
    with time_machine.travel(LATER, tick=False) as clock:
        session = sign_in(api, desk.user_id("alice"))
        for _ in range(15):
            clock.shift(timedelta(hours=11))
            get(api, ME, session)
        clock.move_to(LATER + timedelta(days=7))
        answer = api.get(ME, headers=cookie(session))
    assert (answer.status, answer.json["error"]) == (401, "This session has ended. Sign in again.")


def test_a_token_in_the_header_counts_before_the_cookie(api: Api, desk: Desk, session: str) -> None:
    answer = api.get(ME, desk.bob_key, headers=cookie(session))
    assert answer.json["data"]["email"] == "bob@example.com"


@pytest.mark.parametrize("text", ["", "nonsense", "dvd_nonsense", UNKNOWN.format("s"), "unknown"])
def test_an_unknown_session_is_refused(api: Api, desk: Desk, text: str) -> None:
    secret = mint_sign_in_secret(SignInSecret.SESSION).text if text == "unknown" else text
    assert api.get(ME, headers=cookie(secret)).status == 401


@pytest.mark.parametrize("scheme", ["Authorization", "X-Federation-Token"])
def test_a_session_is_no_bearer_token(api: Api, desk: Desk, session: str, scheme: str) -> None:
    assert api.get(ME, headers={scheme: f"Bearer {session}"}).status == 401


# Pages of other sites

FOREIGN = {
    "no header of ours": {"Origin": "https://desk.test", "Sec-Fetch-Site": "same-origin"},
    "another origin": OWN_PAGE | {"Origin": "https://evil.test"},
    "another origin, older browser": {"Origin": "https://evil.test", "X-Fluxden-Client": "console"},
    "a subdomain": OWN_PAGE | {"Origin": "https://x.desk.test"},
    "another port": OWN_PAGE | {"Origin": "https://desk.test:8443"},
    "an opaque origin": OWN_PAGE | {"Origin": "null"},
    "no origin": {"X-Fluxden-Client": "console"},
    "the same site": OWN_PAGE | {"Sec-Fetch-Site": "same-site"},
    "another site": OWN_PAGE | {"Sec-Fetch-Site": "cross-site"},
}


@pytest.mark.parametrize("page", FOREIGN)
def test_a_page_of_another_site_changes_nothing(api: Api, desk: Desk, session: str, page: str) -> None:
    headers = FOREIGN[page] | {"Cookie": f"{COOKIE}={session}"}
    answer = api.post(SEND, {"content": "hello"}, headers=headers)
    assert answer.status == 403
    assert api.get("/api/v2/shared-chat/messages", headers=cookie(session)).json["data"]["messages"] == []


@pytest.mark.parametrize("page", FOREIGN)
def test_a_page_of_another_site_signs_nobody_in(api: Api, desk: Desk, page: str) -> None:
    code = new_code(desk.user_id("alice"))
    answer = api.post(SESSIONS, {"code": code}, headers=FOREIGN[page])
    assert (answer.status, "set-cookie" in answer.headers) == (403, False)
    assert use_code(api, code).status == 201, "the code is still good"


def test_the_desks_own_page_changes_things(api: Api, desk: Desk, session: str) -> None:
    assert api.post(SEND, {"content": "hello"}, headers=cookie(session)).status == 201


def test_the_public_address_is_the_desks_own_behind_a_proxy(
    api: Api, desk: Desk, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = cookie(session) | {"Origin": "https://public.test"}
    assert api.post(SEND, {"content": "hello"}, headers=page).status == 403
    monkeypatch.setenv("FLUXDEN_BASE_URL", "https://public.test/prod")
    settings.cache_clear()
    assert api.post(SEND, {"content": "hello"}, headers=page).status == 201


# Listing and ending


def test_a_person_sees_where_they_are_signed_in(api: Api, desk: Desk) -> None:
    with time_machine.travel(LATER, tick=False) as clock:
        code = new_code(desk.user_id("alice"))
        phone = session_of(use_code(api, code, device="Phone\r\n\u202ebrowser", address="192.0.2.7"))
        clock.shift(60)
        desktop = sign_in(api, desk.user_id("alice"), device="Desktop")
        api.get(ME, headers=cookie(phone), address="198.51.100.9")
        clock.shift(60)
        newest, oldest = get(api, MINE, desktop)
    assert (newest["isCurrent"], newest["device"], newest["lastUsedAt"]) == (
        True,
        "Desktop",
        "2040-05-21T12:02:10.000Z",
    )
    assert oldest == {
        "id": oldest["id"],
        "isCurrent": False,
        "device": "Phone browser",
        "createdAt": "2040-05-21T12:00:10.000Z",
        "startedFrom": "192.0.2.7",
        "lastUsedAt": "2040-05-21T12:01:10.000Z",
        "lastUsedFrom": "198.51.100.9",
        "endsAt": "2040-05-22T00:01:10.000Z",
    }


def test_a_person_ends_one_session(api: Api, desk: Desk, session: str) -> None:
    other = sign_in(api, desk.user_id("alice"))
    ended = next(each["id"] for each in get(api, MINE, session) if not each["isCurrent"])
    answer = api.call("DELETE", f"{MINE}?id={ended}", headers=cookie(session))
    assert (answer.status, answer.json["data"]) == (200, {"ended": 1})
    assert api.get(ME, headers=cookie(other)).status == 401
    assert api.get(ME, headers=cookie(session)).status == 200
    assert api.call("DELETE", f"{MINE}?id={ended}", headers=cookie(session)).status == 404


def test_a_person_ends_all_other_sessions(api: Api, desk: Desk, session: str) -> None:
    others = [sign_in(api, desk.user_id("alice")) for _ in range(3)]
    assert api.call("DELETE", MINE, headers=cookie(session)).json["data"] == {"ended": 3}
    assert {api.get(ME, headers=cookie(each)).status for each in others} == {401}
    assert api.get(ME, headers=cookie(session)).status == 200


def test_nobody_ends_another_persons_session(api: Api, desk: Desk, session: str) -> None:
    (own,) = get(api, MINE, session)
    bob = sign_in(api, desk.user_id("bob"))
    assert api.call("DELETE", f"{MINE}?id={own['id']}", headers=cookie(bob)).status == 404
    assert api.get(ME, headers=cookie(session)).status == 200


def test_signing_out_ends_the_session_and_its_cookie(api: Api, desk: Desk, session: str) -> None:
    answer = api.call("POST", "/api/v2/me/sign-out", headers=cookie(session))
    assert answer.status == 200
    assert answer.headers["set-cookie"] == f"{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"
    assert api.get(ME, headers=cookie(session)).status == 401


def test_signing_in_again_ends_the_session_that_the_browser_had(api: Api, desk: Desk, session: str) -> None:
    headers = cookie(session) | {"User-Agent": "Test browser"}
    answer = api.call("POST", SESSIONS, {"code": new_code(desk.user_id("bob"))}, headers=headers)
    assert get(api, ME, session_of(answer))["email"] == "bob@example.com"
    assert api.get(ME, headers=cookie(session)).status == 401


def test_keys_have_no_sessions(api: Api, desk: Desk) -> None:
    answer = api.get(MINE, desk.alice_key)
    assert (answer.status, "signed in with a browser" in answer.json["error"]) == (403, True)


def test_the_oldest_session_ends_when_there_are_too_many(api: Api, desk: Desk) -> None:
    made = []
    with time_machine.travel(LATER, tick=False) as clock:
        for _ in range(bounds.SESSIONS.most + 1):
            made.append(sign_in(api, desk.user_id("alice")))
            clock.shift(1)
        assert [api.get(ME, headers=cookie(each)).status for each in made[:2]] == [401, 200]
        assert len(get(api, MINE, made[-1])) == bounds.SESSIONS.most


def test_a_session_has_a_budget_of_its_own(api: Api, desk: Desk, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "3")
    answer = api.get(ME, headers=cookie(session))
    assert answer.headers["x-ratelimit-limit"] == "600"
    monkeypatch.setenv("FLUXDEN_SESSION_BUDGET", "2")
    settings.cache_clear()
    statuses = [api.get(ME, headers=cookie(session)).status for _ in range(3)]
    assert statuses[-1] == 429
    assert api.get(ME, desk.alice_key).status == 200


def test_a_key_of_a_signed_in_person_outlives_the_session(api: Api, desk: Desk, session: str) -> None:
    made = api.post("/api/v2/keys", {"name": "agent"}, headers=cookie(session)).json["data"]
    assert made["expiresAt"] is None
    api.call("POST", "/api/v2/me/sign-out", headers=cookie(session))
    (listed,) = [each for each in api.get("/api/v2/keys", desk.alice_key).json["data"] if each["id"] == made["id"]]
    assert (listed["createdBy"], api.get(ME, made["key"]).status) == (None, 200)


def test_sessions_of_operators_are_operators(api: Api, desk: Desk, session: str) -> None:
    assert api.get("/api/v2/operate/people", headers=cookie(session)).status == 200
    assert api.get("/api/v2/operate/people", headers=cookie(sign_in(api, desk.user_id("bob")))).status == 403


def test_signing_in_takes_the_store_calls_that_the_decision_prints(api: Api, desk: Desk) -> None:
    code = new_code(desk.user_id("bob"))
    preview = api.post(SESSIONS, {"code": code, "preview": True}, headers=OWN_PAGE)
    answer = use_code(api, code)
    assert preview.steps == printed_calls("a link: who it is for")
    assert answer.steps == printed_calls("a link: the session")
    with time_machine.travel(LATER, tick=False):
        session = sign_in(api, desk.user_id("bob"))
        first, second = (api.get("/api/v2/me/passkeys", headers=cookie(session)) for _ in range(2))
    # One call of the operation's own: there are no passkeys to read.
    assert first.steps - 1 == printed_calls("the first of them in a minute")
    assert second.steps - 1 == printed_calls("a request with a session, beside the operation's own")


def test_a_request_with_a_session_takes_one_call_to_authenticate(api: Api, desk: Desk) -> None:
    with time_machine.travel(LATER, tick=False):
        session = sign_in(api, desk.user_id("alice"))
        for _ in range(2):  # the first begins the minute of each
            with_key = api.get("/api/v2/queue", desk.alice_key)
            with_session = api.get("/api/v2/queue", headers=cookie(session))
    assert with_session.calls == with_key.calls


def test_a_person_at_work_is_not_refused_because_their_agents_are(
    api: Api, desk: Desk, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys share a minute; a session has a budget of its own, which nobody can spend but its browser."""
    monkeypatch.setattr(bounds, "CALLS", bounds.CALLS._replace(most=50))
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "50")
    settings.cache_clear()
    with time_machine.travel(datetime.now(UTC).replace(second=1), tick=False):
        assert [api.get(ME, desk.alice_key).status for _ in range(51)][-1] == 429
        answers = [api.get(ME, headers=cookie(session)) for _ in range(200)]
    assert {each.status for each in answers} == {200}
    assert answers[-1].headers["x-ratelimit-limit"] == "600"


# Sockets


def new_ticket(api: Api, session: str) -> str:
    answer = api.call("POST", "/api/v2/me/socket-tickets", headers=cookie(session))
    assert answer.status == 201, answer.text
    return str(answer.json["data"]["ticket"])


def open_socket(sockets: Sockets, ticket: str) -> Client:
    return sockets.connect(subprotocols=["bearer", ticket])


def test_a_ticket_opens_one_socket(api: Api, desk: Desk, session: str, sockets: Sockets, pump: Pumps) -> None:
    ticket = new_ticket(api, session)
    client = open_socket(sockets, ticket)
    assert client.status == 101
    assert open_socket(sockets, ticket).status == 401
    pump.drain(SOCKET_WORK)
    api.post(SEND, {"content": "hello"}, headers=cookie(session))
    assert "new_message" in frame_types(client)
    client.send({"action": "ping"})
    assert frame_types(client)[-1] == "heartbeat"


def test_a_ticket_ends_after_thirty_seconds(api: Api, desk: Desk, sockets: Sockets) -> None:
    with time_machine.travel(LATER, tick=False) as clock:
        session = sign_in(api, desk.user_id("alice"))
        ticket = new_ticket(api, session)
        clock.shift(31)
        assert open_socket(sockets, ticket).status == 401


def test_ending_a_session_closes_its_sockets_only(
    api: Api, desk: Desk, session: str, sockets: Sockets, pump: Pumps
) -> None:
    other = sign_in(api, desk.user_id("alice"))
    ended, kept = (open_socket(sockets, new_ticket(api, each)) for each in (other, session))
    pump.drain(SOCKET_WORK)
    api.call("POST", "/api/v2/me/sign-out", headers=cookie(other))
    assert (ended.gone, kept.gone) == (True, False)


def test_a_ticket_of_an_ended_session_opens_nothing(api: Api, desk: Desk, session: str, sockets: Sockets) -> None:
    ticket = new_ticket(api, session)
    api.call("POST", "/api/v2/me/sign-out", headers=cookie(session))
    assert open_socket(sockets, ticket).status == 401


def test_an_open_socket_does_not_keep_a_session_alive(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    with time_machine.travel(LATER, tick=False) as clock:
        session = sign_in(api, desk.user_id("alice"))
        client = open_socket(sockets, new_ticket(api, session))
        pump.drain(SOCKET_WORK)
        clock.shift(timedelta(hours=1))
        client.send({"action": "ping"})
        clock.shift(timedelta(hours=11))
        assert api.get(ME, headers=cookie(session)).status == 401


@pytest.mark.parametrize(
    ("user_agent", "family"),
    [
        (_CHROME.format("Windows NT 10.0; Win64; x64", ""), "Chrome on Windows"),
        (_CHROME.format("Linux; Android 15", " EdgA/140.0"), "Edge on Android"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_0) Version/18.0 Safari/605.1.15",
            "Safari on macOS",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1", "Safari on iOS"),
        ("Bob's tool (bob@example.com)", ""),
        ("", ""),
    ],
)
def test_a_browser_is_named_in_our_own_words(user_agent: str, family: str) -> None:
    assert family_of(user_agent) == family
