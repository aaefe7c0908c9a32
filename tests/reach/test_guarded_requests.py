"""What stands for the library `requests` in plugins of Apprise: our own client, and nothing else."""

import pytest

from chalicelib.reach.domain.channel_messages import Notice
from chalicelib.reach.gateways.chat import send_chat
from chalicelib.reach.gateways.guarded_requests import MOST_REQUESTS, GuardedRequests, guarded
from tests.support.receiver import Receiver

LINK = "https://desk.example.com/#/inbox/1"


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.status, receiver.headers = 302, {"Location": f"http://127.0.0.1:{receiver.port}/other"}
    result = send_chat(f"json://127.0.0.1:{receiver.port}/hook", Notice("a", "b", LINK))
    assert (result.status, len(receiver.received)) == (302, 1)


def test_a_proxy_of_the_environment_is_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://192.0.2.1:1")
    assert send_chat(f"json://127.0.0.1:{receiver.port}/hook", Notice("a", "b", LINK)).error is None


def test_nothing_is_sent_outside_of_a_guarded_block() -> None:
    with pytest.raises(LookupError):
        GuardedRequests().get("https://example.com/")


def test_a_plugin_makes_a_few_requests_and_no_more(receiver: Receiver) -> None:
    with guarded() as results:
        for _ in range(MOST_REQUESTS):
            GuardedRequests().post(receiver.url, "x")
        with pytest.raises(GuardedRequests.ConnectionError):
            GuardedRequests().post(receiver.url, "x")
    assert len(results) == len(receiver.received) == MOST_REQUESTS
