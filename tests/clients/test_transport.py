"""Requests of the Python client: what is repeated and when, which key they have, and what goes wrong in which shape."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from fluxden import (
    ApiError,
    ConflictError,
    ConnectionFailedError,
    Desk,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    SettingsError,
    UnauthorizedError,
    UnavailableError,
)
from fluxden.generated.v1 import V1
from fluxden.generated.v2 import V2
from fluxden.retries import RetryPolicy
from fluxden.transport import Transport

pytestmark = pytest.mark.engine("embedded")

URL, TOKEN = "https://desk.example", "dvd_keep-this-secret"
EVENT: Any = {"title": "One"}
Answer = httpx2.Response | Exception


@dataclass
class Server:
    """Gives the answers of a list, one for each request, and keeps the requests and the waits between them."""

    answers: Sequence[Answer]
    requests: list[httpx2.Request] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def transport(self) -> Transport:
        left: Iterator[Answer] = iter(self.answers)

        def answer(request: httpx2.Request) -> httpx2.Response:
            self.requests.append(request)
            given = next(left)
            if isinstance(given, Exception):
                raise given
            return given

        client = httpx2.Client(transport=httpx2.MockTransport(answer))
        return Transport(URL, TOKEN, policy=RetryPolicy(jitter=lambda: 1.0), sleep=self.waits.append, client=client)

    @property
    def keys(self) -> list[str | None]:
        return [each.headers.get("idempotency-key") for each in self.requests]


def reply(status: int = 200, body: Any = None, /, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Response(status, json={} if body is None else body, headers=named)


def publish(server: Server, **options: Any) -> Any:
    return V1(server.transport().send).publish_event(EVENT, **options)


def click(server: Server) -> Any:
    """Press a button: the only kind of call that takes no idempotency key and is no read."""
    return V1(server.transport().send).click_action("6f1", 0)


def test_a_call_has_a_new_idempotency_key_or_the_one_that_was_given() -> None:
    server = Server([reply(), reply(), reply()])
    for options in ({}, {}, {"idempotency_key": "mine"}):
        publish(server, **options)
    first, second, given = server.keys
    assert first and second and first != second
    assert given == "mine"


@pytest.mark.parametrize(
    "lost",
    [httpx2.ReadTimeout("late"), httpx2.RemoteProtocolError("broken"), reply(503), reply(502), reply(504)],
    ids=["late", "broken", "503", "502", "504"],
)
def test_a_lost_reply_is_asked_for_again_with_the_same_key(lost: Answer) -> None:
    server = Server([lost, lost, reply(202, {"deliveryId": "1"})])
    assert publish(server) == {"deliveryId": "1"}
    assert len(set(server.keys)) == 1
    assert server.waits == [0.5, 1.0]


@pytest.mark.parametrize("lost", [httpx2.ReadTimeout("late"), reply(503)], ids=["late", "503"])
def test_what_has_no_key_is_not_repeated_after_it_may_have_had_its_effect(lost: Answer) -> None:
    server = Server([lost])
    with pytest.raises((ConnectionFailedError, UnavailableError)):
        click(server)
    assert (len(server.requests), server.waits) == (1, [])


@pytest.mark.parametrize(
    "before", [httpx2.ConnectError("refused"), reply(429, retry_after="3")], ids=["refused", "429"]
)
def test_what_surely_had_no_effect_is_repeated_without_a_key(before: Answer) -> None:
    server = Server([before, reply(202)])
    click(server)
    assert len(server.requests) == 2


def test_reads_are_repeated() -> None:
    server = Server([httpx2.ReadError("broken"), reply(200, {"items": []})])
    assert V1(server.transport().send).list_inbox()["items"] == []


def test_the_desk_says_how_long_to_wait() -> None:
    server = Server([reply(429, retry_after="7"), reply(503, retry_after="2"), reply()])
    publish(server)
    assert server.waits == [7.0, 2.0]


def test_a_longer_wait_than_the_policy_allows_is_for_the_caller() -> None:
    server = Server([reply(429, {"detail": "The daily limit is reached."}, retry_after="40000")])
    with pytest.raises(RateLimitedError, match="The daily limit") as raised:
        publish(server)
    assert (raised.value.retry_after, server.waits) == ("40000", [])


def test_a_repetition_that_overtakes_its_first_request_waits_for_it() -> None:
    server = Server([httpx2.ReadTimeout("late"), reply(409, retry_after="1"), reply(202, {"deliveryId": "1"})])
    assert publish(server) == {"deliveryId": "1"}
    assert server.waits == [0.5, 1.0]


def test_a_conflict_is_not_repeated() -> None:
    server = Server([reply(409, {"detail": "Used with another body.", "code": "idempotency_conflict"})])
    with pytest.raises(ConflictError):
        publish(server)
    assert len(server.requests) == 1


def test_it_gives_up_after_five_attempts() -> None:
    server = Server([httpx2.ReadTimeout("late")] * 5)
    with pytest.raises(ConnectionFailedError) as raised:
        publish(server)
    assert (raised.value.repeated, server.waits) == (5, [0.5, 1.0, 2.0, 4.0])


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequestError),
        (401, UnauthorizedError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (409, ConflictError),
        (413, InvalidRequestError),
        (415, InvalidRequestError),
        (500, UnavailableError),
        (418, ApiError),
        (302, ApiError),
    ],
)
def test_each_kind_of_refusal_is_an_error_of_its_own_in_both_shapes(status: int, kind: type[ApiError]) -> None:
    problem = {
        "type": "https://docs.example/errors/x",
        "title": "Title",
        "status": status,
        "detail": "What happened.",
        "code": "some_code",
        "fieldErrors": {"title": ["is required"]},
    }
    with pytest.raises(ApiError) as of_v1:
        publish(Server([reply(status, problem, x_request_id="req_1")]))
    assert type(of_v1.value) is kind
    assert (of_v1.value.message, of_v1.value.code, of_v1.value.request_id) == ("What happened.", "some_code", "req_1")
    assert of_v1.value.fields == {"title": ["is required"]}
    with pytest.raises(ApiError) as of_v2:
        V2(Server([reply(status, {"success": False, "error": "Task not found."})]).transport().send).get_me()
    assert type(of_v2.value) is kind
    assert (of_v2.value.status, of_v2.value.message, of_v2.value.code) == (status, "Task not found.", None)


def test_a_refusal_that_is_no_json_says_its_status() -> None:
    server = Server([httpx2.Response(403, text="<html>no</html>")])
    with pytest.raises(ForbiddenError, match="403: Forbidden"):
        publish(server)


def test_parameters_are_sent_as_the_document_writes_them() -> None:
    server = Server([reply()])
    V1(server.transport().send).list_inbox(limit=2, labels=True)
    assert str(server.requests[0].url) == f"{URL}/api/v1/inbox?limit=2&labels=true"
    server = Server([reply(201)])
    V2(server.transport().send).add_comment("a/b", {"text": "Hello"}, agent_name="Ann")
    (sent,) = server.requests
    assert str(sent.url) == f"{URL}/api/v2/queue/a%2Fb/comments"
    assert (sent.headers["x-agent-name"], json.loads(sent.content)) == ("Ann", {"text": "Hello"})


@pytest.mark.parametrize(
    "url", ["", "desk.example", "ftp://desk.example", "https://", "https://a:b@desk.example", "http://x/?a"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="URL"):
        Desk(url, TOKEN)


@pytest.mark.parametrize("token", ["", "  ", "two words", "line\nline", "dvd_…"])
def test_a_token_that_is_none_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Desk(URL, token)
    assert not token.strip() or token not in str(raised.value)


def test_nothing_shows_the_token() -> None:
    def fails(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    desk = Desk(URL, TOKEN)
    shown = [repr(desk), str(vars(desk))]
    transport = Transport(
        URL, TOKEN, client=httpx2.Client(transport=httpx2.MockTransport(fails)), policy=RetryPolicy(attempts=1)
    )
    calls: list[Callable[[], Any]] = [lambda: transport.send("GET", "/api/v2/me")]
    calls.append(lambda: publish(Server([reply(401, {"detail": "The token is not valid."})])))
    for call in calls:
        with pytest.raises((ConnectionFailedError, UnauthorizedError)) as raised:
            call()
        shown += [str(raised.value), repr(raised.value)]
    assert not [each for each in shown if TOKEN in each]
