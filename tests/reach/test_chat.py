"""Chat services by the real Apprise: what may be added, where requests go, and what a message has."""

import json
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.reach.domain.channel_messages import LONGEST_TEXT, LONGEST_TITLE, Notice
from chalicelib.reach.domain.jobs import ChannelJob
from chalicelib.reach.gateways.chat import check_chat, send_chat
from chalicelib.reach.gateways.chat_services import SERVICES
from chalicelib.reach.gateways.guarded_requests import MOST_REQUESTS
from chalicelib.reach.gateways.jobs import CHAT_JOBS
from chalicelib.resources import CHAT_MESSAGES, DELIVERIES
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.chat_urls import URLS
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.worker_scenarios import scan_rows

CHANNELS, EVENTS = "/api/v1/me/channels", "/api/v1/events"
MESSAGE = "5b0e4c4e-7f3a-4c1d-9a55-0123456789ab"
LINK = "https://desk.example.com/#/inbox/5b0e4c4e-7f3a-4c1d-9a55-0123456789ab"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """The requests of plugins, as method, URL and body; each is answered as the service would."""
    seen: list[tuple[str, str, str]] = []

    def answer(method: str, url: str, body: bytes | None, _: Mapping[str, str]) -> HttpResult:
        seen.append((method, url, (body or b"").decode()))
        said = {"ok": True, "code": 0, "errcode": 0, "status": "success", "data": {"userId": "u", "authToken": "t"}}
        return HttpResult(204 if "discord" in url else 200, body=json.dumps(said).encode())

    monkeypatch.setattr("chalicelib.core.gateways.http.send_and_read", answer)
    return seen


@pytest.mark.parametrize("name", sorted(URLS))
def test_a_service_is_sent_title_text_and_link_at_its_host(name: str, sent: list[tuple[str, str, str]]) -> None:
    url, host = URLS[name]
    assert check_chat(url) == (name, host)
    # Slack says ok in plain text.
    result = send_chat(url, Notice("Deploy failed", "The checks of main", LINK, "critical"))
    assert sent
    assert {urlsplit(each[1]).hostname for each in sent} == {host}
    assert {urlsplit(each[1]).scheme for each in sent} == {"https"}
    text = unquote_plus("".join(body for _, _, body in sent)).replace("\\/", "/").replace("\\", "")
    for each in ("Deploy failed", "The checks of main", LINK):
        assert each in text, text
    assert len(sent) <= MOST_REQUESTS
    if name != "slack":
        assert result.error is None


@pytest.mark.parametrize("name", sorted(URLS))
def test_a_message_is_as_long_as_its_service_takes_and_calls_nobody(
    name: str, sent: list[tuple[str, str, str]]
) -> None:
    text = "x @everyone <!channel> <@U1> " * 100
    send_chat(URLS[name][0], Notice(f"@here {'t' * LONGEST_TITLE}"[:LONGEST_TITLE], text[:LONGEST_TEXT], LINK))
    bodies = [body for _, _, body in sent if "logout" not in body]
    whole = unquote_plus("".join(bodies)).replace("\\u200b", "\u200b")
    assert "everyone" in whole
    assert not any(each in whole for each in ("@everyone", "@here", "<!channel>", "<@U1>", "&lt;!channel&gt;"))
    assert LINK.rpartition("/")[2] in whole
    # One message, not several that each have a part.
    assert whole.count(LINK.rpartition("/")[2]) == 1


@pytest.mark.parametrize(
    "url",
    [
        *(
            "file:///tmp/x",
            "dbus://",
            "syslog://",
            "windows://",
            "gnome://",
            "macosx://",
            "exec://x",
            "mailto://a:b@x.org",
        ),
        *(
            "xml://h/",
            "form://h/",
            "mqtt://h/",
            "rsyslog://h/",
            "http://ntfy.sh/x",
            "https://example.com/x",
            "slack",
            "://",
        ),
        # Without TLS, or not public.
        *("ntfy://ntfy.example.com/x", "json://hooks.example.com/", "jsons://localhost/", "jsons://127.0.0.1/"),
        *(
            "jsons://169.254.169.254/",
            "jsons://[::1]/",
            "jsons://2130706433/",
            "ntfys://10.0.0.1/x",
            "mmosts://0x7f.1/" + "a" * 24,
        ),
        "workflows://169.254.169.254/WORKFLOWID/SIGNATURE/",
        # Parameters that name files, or change what is sent and where.
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ?template=/etc/passwd",
        *("jsons://h.example.com/?+X=a", "jsons://h.example.com/?:a=b", "jsons://h.example.com/?-a=b"),
        *("jsons://h.example.com/?verify=no", "jsons://h.example.com/?redirect=yes", "jsons://h.example.com/?rto=900"),
        "ntfys://ntfy.example.com/x?attach=http://169.254.169.254/",
        # Several recipients.
        "ntfys://ntfy.example.com/a/b/c",
    ],
)
def test_a_url_that_is_not_offered_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        check_chat(url)


@given(st.sampled_from([scheme for each in SERVICES for scheme in each.schemes]), st.text(max_size=60))
def test_no_text_breaks_the_check(scheme: str, rest: str) -> None:
    try:
        check_chat(f"{scheme}://{rest}")
    except Invalid as refused:
        assert "url" in refused.fields  # noqa: PT017 - most texts are refused


@pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.1", "10.1.2.3", "::1"])
@pytest.mark.parametrize("name", ["json", "ntfy", "mattermost", "gotify", "rocket-chat", "teams"])
def test_a_name_that_leads_to_a_private_address_is_refused_when_it_connects(
    monkeypatch: pytest.MonkeyPatch, name: str, address: str
) -> None:
    url, looked_up = URLS[name][0], list[str]()

    def resolve(host: str, port: int, **_: Any) -> Any:
        looked_up.append(host)
        return [(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def connect(*_: object) -> None:
        raise AssertionError("connected")

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    monkeypatch.setattr("socket.socket.connect", connect)
    result = send_chat(url.replace("https://ntfy.sh", "ntfys://ntfy.example.com"), Notice("a", "b", LINK))
    assert result == HttpResult(None, "the host leads to an address that is not public")
    assert len(looked_up) >= 1


def add(api: Api, desk: Desk, pump: Pumps, url: str) -> dict[str, Any]:
    """Add a chat service that has taken its test message."""
    made = api.post(CHANNELS, {"kind": "chat", "label": "Chat", "url": url}, desk.alice_key)
    assert (made.status, "secret" in made.json) == (201, False), made.text
    assert api.post(f"{CHANNELS}/{made.json['id']}/test", None, desk.alice_key).status == 202
    assert pump.drain(CHAT_MESSAGES) == 1
    (shown,) = api.get(CHANNELS, desk.alice_key).json["items"]
    assert (shown["state"], shown["failure"]) == ("active", None)
    return shown  # type: ignore[no-any-return]


def reach(api: Api, desk: Desk, pump: Pumps, channel: dict[str, Any], **fields: Any) -> str:
    delivery = str(api.post(EVENTS, inputs.new_event(**fields), desk.alice).json["deliveryId"])
    user = desk.user_id("alice")
    CHAT_JOBS.send(ChannelJob(user_id=user, channel_id=channel["id"], delivery_id=delivery, message_id=MESSAGE))
    pump.drain(CHAT_MESSAGES)
    return delivery


def test_ntfy_is_sent_title_summary_and_link(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    receiver.status = 200
    channel = add(api, desk, pump, f"ntfy://127.0.0.1:{receiver.port}/ours")
    assert (channel["service"], channel["host"]) == ("ntfy", "127.0.0.1")
    assert "测试" in json.loads(receiver.received[0].body)["title"]
    delivery = reach(api, desk, pump, channel, title="Deploy failed", summary="Of main", severity="critical")
    body = json.loads(receiver.received[-1].body)
    assert (body["topic"], body["title"]) == ("ours", "Deploy failed")
    assert body["message"].startswith("Of main")
    assert body["message"].endswith(f"/#/inbox/{delivery}")
    (outcome,) = [row for row in scan_rows(DELIVERIES) if row["sk"].startswith("REACH#")]
    assert (outcome["channel"], outcome["host"], outcome["state"]) == ("ntfy", "127.0.0.1", "sent")


def test_slack_is_sent_a_message_by_its_webhook(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apprise.plugins.slack.NotifySlack.webhook_url", f"http://127.0.0.1:{receiver.port}/services")
    receiver.status, receiver.body = 200, b"ok"
    channel = add(api, desk, pump, URLS["slack"][0])
    reach(api, desk, pump, channel, title="Deploy failed")
    request = receiver.received[-1]
    assert request.path == "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    assert "Deploy failed" in json.dumps(json.loads(request.body))


def test_a_webhook_that_slack_has_removed_pauses_the_channel(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    receiver.status = 200
    channel = add(api, desk, pump, f"json://127.0.0.1:{receiver.port}/hook")
    receiver.status, receiver.body = 404, b"no_service"
    reach(api, desk, pump, channel)
    (shown,) = api.get(CHANNELS, desk.alice_key).json["items"]
    assert (shown["state"], shown["failure"]) == ("paused", "answered 404")


def test_the_url_of_a_service_is_in_no_reply_and_no_log(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = 500
    url = f"jsons://user:pass-word@127.0.0.1:{receiver.port}/secret-path"
    made = api.post(CHANNELS, {"kind": "chat", "label": "Chat", "url": url.replace("jsons", "json")}, desk.alice_key)
    api.post(f"{CHANNELS}/{made.json['id']}/test", None, desk.alice_key)
    pump.drain(CHAT_MESSAGES)
    assert len(receiver.received) == 1
    shown = api.get(CHANNELS, desk.alice_key).text + caplog.text + made.text
    assert "secret-path" not in shown
    assert "pass-word" not in shown
    assert "answered 500" in shown


def test_parameters_of_a_pasted_url_are_sent_on(sent: list[tuple[str, str, str]]) -> None:
    send_chat(URLS["teams"][0], Notice("a", "b", LINK))
    ((_, url, _),) = sent
    assert parse_qs(urlsplit(url).query)["sig"] == ["KODuebWbDGYFr0z0eu"]
