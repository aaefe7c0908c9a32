"""Ingest tokens: made by those whose events they publish, used in addresses, and ended."""

import hmac
import json
import logging
from hashlib import sha256
from typing import Any

import pytest

from chalicelib.resources import FAN_OUT
from tests.conftest import Desk
from tests.support.alerts import new_alert, new_group, resolved
from tests.support.api import Answer, Api
from tests.support.api_keys import new_api_key
from tests.support.faults import Fault, inject_faults, intercept_engine
from tests.support.pump import Pumps

TOKENS = "/api/v1/ingest-tokens"
INBOX = "/api/v1/inbox"
ALERTS = "/api/v1/ingest/alertmanager"
SECRET = "a-secret-of-github"


def make(api: Api, token: str, adapter: str = "alertmanager", **more: Any) -> dict[str, Any]:
    reply = api.post(TOKENS, {"adapter": adapter, "name": "Prometheus"} | more, token)
    assert reply.status == 201, reply.text
    found: dict[str, Any] = reply.json
    return found


def path_of(made: dict[str, Any]) -> str:
    return str(made["address"]).removeprefix("http://desk.test")


def inbox(api: Api, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(INBOX, key).json["items"]
    return found


def test_a_sender_without_headers_publishes_by_the_address_alone(api: Api, desk: Desk) -> None:
    made, alert = make(api, desk.alice), new_alert()

    assert api.post(path_of(made), new_group(alert)).status == 202
    (row,) = api.post(path_of(made), new_group(resolved(alert))).json["results"]

    assert row["outcome"] == "resolved"
    (item,) = inbox(api, desk.alice_key)
    assert (item["title"], bool(item["resolvedAt"])) == ("The disk of db-1 is full", True)


def test_a_tools_token_s_address_names_recipients(api: Api, desk: Desk, pump: Pumps) -> None:
    path = path_of(make(api, desk.fd1))
    assert api.post(path, new_group(new_alert())).status == 400
    assert api.post(f"{path}?to=bob@example.com", new_group(new_alert())).status == 202
    pump.drain(FAN_OUT)
    assert len(inbox(api, desk.bob_key)) == 1


def test_an_address_works_for_its_adapter_only(api: Api, desk: Desk) -> None:
    path = path_of(make(api, desk.alice))
    assert api.post(path.replace("alertmanager", "pagerduty"), {"event_action": "trigger"}).status == 403
    # It is no bearer token either.
    token = path.rpartition("/")[2]
    assert api.post("/api/v1/ingest/alertmanager", new_group(new_alert()), token).status == 401


@pytest.mark.parametrize("change", [lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"), lambda _: "x"])
def test_a_wrong_address_is_unknown(api: Api, desk: Desk, change: Any) -> None:
    head, _, token = path_of(make(api, desk.alice)).rpartition("/")
    assert api.post(f"{head}/{change(token)}", new_group(new_alert())).status == 401
    assert inbox(api, desk.alice_key) == []


def test_lists_show_the_address_masked_and_its_use(api: Api, desk: Desk) -> None:
    made = make(api, desk.alice)
    api.post(path_of(made), new_group(new_alert()))

    listed = api.get(TOKENS, desk.alice)

    (item,) = listed.json["items"]
    assert made["token"] not in listed.text
    assert item["address"].endswith("…") and len(item["address"]) < len(made["address"])
    assert (item["tokenId"], item["useCount"], item["adapter"]) == (made["tokenId"], 1, "alertmanager")
    assert api.get(TOKENS, desk.bob).json["items"] == api.get(TOKENS, desk.fd1).json["items"] == []


def test_an_ended_token_is_refused_and_only_its_owner_ends_it(api: Api, desk: Desk) -> None:
    made = make(api, desk.alice)
    path = f"{TOKENS}/{made['tokenId']}"
    assert api.call("DELETE", path, token=desk.bob).status == api.call("DELETE", path, token=desk.fd1).status == 404
    assert api.call("DELETE", path, token=desk.alice).status == 200
    assert api.call("DELETE", path, token=desk.alice).status == 404
    assert api.post(path_of(made), new_group(new_alert())).status == 401


def test_there_are_only_so_many(api: Api, desk: Desk) -> None:
    for _ in range(20):
        make(api, desk.alice)
    assert api.post(TOKENS, {"adapter": "ntfy", "name": "One more"}, desk.alice).status == 409
    make(api, desk.bob)


def test_a_repeated_creation_returns_the_first_token(api: Api, desk: Desk) -> None:
    body = {"adapter": "ntfy", "name": "Cron"}
    one, two = (api.call("POST", TOKENS, body, token=desk.alice, key="k").json for _ in range(2))
    assert one["token"] == two["token"]
    assert len(api.get(TOKENS, desk.alice).json["items"]) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"adapter": "github"}, "signing_secret"),
        ({"adapter": "ntfy", "signing_secret": SECRET}, "signing_secret"),
        ({"adapter": "json"}, "mapping"),
        ({"adapter": "ntfy", "mapping": {"title": "a"}}, "mapping"),
        ({"adapter": "json", "mapping": {"summary": "a"}}, "mapping"),
        ({"adapter": "json", "mapping": {"title": "a", "colour": "b"}}, "mapping"),
        ({"adapter": "json", "mapping": {"title": "a[", "url": "b"}}, "mapping.title"),
        ({"adapter": "json", "mapping": {"title": "(" * 300}}, "mapping.title"),
        ({"adapter": "json", "mapping": {"title": "[a,a].[b,b].[c,c]"}}, "mapping.title"),
    ],
)
def test_a_token_that_its_adapter_can_not_use_is_refused(
    api: Api, desk: Desk, body: dict[str, Any], field: str
) -> None:
    reply = api.post(TOKENS, {"name": "x"} | body, desk.alice)
    assert (reply.status, list(reply.json["fieldErrors"])) == (400, [field])


def _github(api: Api, path: str, body: dict[str, Any], secret: str) -> Answer:
    raw = json.dumps(body)
    signature = f"sha256={hmac.new(secret.encode(), raw.encode(), sha256).hexdigest()}"
    headers = {"X-GitHub-Event": "workflow_run", "X-Hub-Signature-256": signature}
    return api.call("POST", path, raw=raw, headers=headers)


def test_a_webhook_of_github_needs_its_signature(api: Api, desk: Desk) -> None:
    path = path_of(make(api, desk.alice, "github", signing_secret=SECRET))
    run = {"id": 5, "name": "CI", "head_branch": "main", "conclusion": "failure", "html_url": "https://github.com/r/5"}
    body = {"action": "completed", "workflow_run": run, "repository": {"full_name": "acme/payments"}}

    assert _github(api, path, body, "another secret").status == 401
    assert api.call("POST", path, body, headers={"X-GitHub-Event": "workflow_run"}).status == 401
    assert inbox(api, desk.alice_key) == []
    assert _github(api, path, body, SECRET).status == 202
    (item,) = inbox(api, desk.alice_key)
    assert (item["title"], item["eventType"]) == ("CI failed on main: acme/payments", "fd1.workflow.failed")


def test_json_is_read_by_the_mapping_of_the_token(api: Api, desk: Desk) -> None:
    mapping = {
        "title": "check.name",
        "severity": "check.level",
        "event_id": "join('-', [check.id, host])",
        "resolved": "check.up",
        "labels": "{host: host}",
    }
    path = path_of(make(api, desk.alice, "json", mapping=mapping))
    body = {"check": {"name": "Site down", "level": "fatal", "id": "c1", "up": False}, "host": "www"}

    (shown,) = api.post(f"{path}?dry_run=true", body).json["results"]
    assert shown["event"]["labels"] == {"host": "www"}
    assert api.post(path, [body]).json["results"][0]["outcome"] == "delivered"
    body["check"]["up"] = True  # type: ignore[index]
    assert api.post(path, body).json["results"][0]["outcome"] == "resolved"
    (item,) = inbox(api, desk.alice_key)
    assert (item["title"], item["severity"]) == ("Site down", "critical")
    assert api.post(path, {"host": "www"}).status == 400
    assert api.post(path, {"check": {"name": "x", "id": 7}, "host": []}).status == 400


def test_a_mapping_is_tried_in_the_query(api: Api, desk: Desk) -> None:
    path = "/api/v1/ingest/json?dry_run=true&mapping=%7B%22title%22%3A%20%22a.b%22%7D"
    (row,) = api.post(path, {"a": {"b": "Hello"}}, desk.alice).json["results"]
    assert row["event"]["title"] == "Hello"
    for wrong in ("%5B%5D", "%7B", "%7B%22title%22%3A%201%7D"):
        assert api.post(f"/api/v1/ingest/json?mapping={wrong}", {"a": 1}, desk.alice).status == 400


def test_a_disabled_or_limited_token_stops_its_addresses(api: Api, desk: Desk) -> None:
    path = path_of(make(api, desk.alice))
    dry_run = api.post(f"{ALERTS}?dry_run=true", new_group(new_alert()), desk.alice)
    remaining = int(dry_run.headers["x-ratelimit-remaining"])
    statuses = {api.post(f"{path}?dry_run=true", new_group(new_alert())).status for _ in range(remaining)}
    assert statuses == {200}
    assert api.post(path, new_group(new_alert())).status == 429


def test_the_secret_of_an_address_is_in_no_log_line_and_in_no_refusal(
    api: Api, desk: Desk, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make(api, desk.alice)
    with caplog.at_level(logging.DEBUG):
        api.post(path_of(made), new_group(new_alert()))
        refused = api.post(path_of(made), {"x": 1})
    assert refused.status == 400
    assert made["token"] not in refused.text
    assert made["token"] not in caplog.text + "".join(capsys.readouterr())


def test_pagerdutys_path_is_served_below_the_address(api: Api, desk: Desk) -> None:
    path = path_of(make(api, desk.alice, "pagerduty"))
    payload = {"summary": "Queue grows", "source": "mq-1", "severity": "critical"}
    reply = api.post(f"{path}/v2/enqueue", {"event_action": "trigger", "payload": payload})
    assert (reply.status, reply.json["status"]) == (202, "success")
    assert reply.json["dedup_key"]


def _remaining(answer: Answer) -> int:
    return int(answer.headers["x-ratelimit-remaining"])


def test_the_reply_to_an_address_shows_the_budget_of_the_token_that_made_it(api: Api, desk: Desk) -> None:
    path, group = path_of(make(api, desk.alice)), new_group(new_alert())
    before = api.post(f"{ALERTS}?dry_run=true", group, desk.alice)

    first = api.post(path, group)
    repeated = api.post(path, group)
    refused = api.post(path, new_group(new_alert(), new_alert(fingerprint="f2")) | {"alerts": [1]})

    assert first.headers["x-ratelimit-limit"] == before.headers["x-ratelimit-limit"]
    assert [_remaining(first), _remaining(repeated)] == [_remaining(before) - 1, _remaining(before) - 2]
    # What can't be read is refused before it is known whose budget it would use.
    assert (refused.status, "x-ratelimit-limit" in refused.headers) == (400, False)


def test_a_refused_request_to_an_address_shows_what_is_left(api: Api, desk: Desk) -> None:
    path, group = path_of(make(api, desk.alice)), new_group(*(new_alert(fingerprint=f"f{each}") for each in range(3)))
    before = api.post(f"{ALERTS}?dry_run=true", new_group(new_alert()), desk.alice)
    refused = api.post(f"{path}?to=bob@example.com", group)
    assert (refused.status, _remaining(refused)) == (403, _remaining(before) - 1)


def _integration(api: Api, key: str, integrator: str = "fd1") -> str:
    found = api.get("/api/v2/me/integrations", key).json["data"]
    return str(next(each["id"] for each in found if each["integrator"] == integrator))


def test_a_person_makes_lists_and_ends_tokens_with_a_key_that_opens_everything(api: Api, desk: Desk) -> None:
    made = make(api, desk.alice_key, integration_id=_integration(api, desk.alice_key))

    assert api.post(path_of(made), new_group(new_alert())).status == 202
    (item,) = api.get(TOKENS, desk.alice_key).json["items"]
    assert (item["tokenId"], item["integrator"], item["useCount"]) == (made["tokenId"], "fd1", 1)
    assert [each["tokenId"] for each in api.get(TOKENS, desk.alice).json["items"]] == [made["tokenId"]]
    path = f"{TOKENS}/{made['tokenId']}"
    assert api.call("DELETE", path, token=desk.bob_key).status == 404
    assert api.call("DELETE", path, token=desk.alice_key).status == 200
    assert api.post(path_of(made), new_group(new_alert())).status == 401


def test_a_key_names_an_integration_that_the_index_does_not_list_yet(api: Api, desk: Desk) -> None:
    claim = {"email": "carol@example.com", "label": "Cron"}
    assert api.post("/api/v1/tokens/claim", claim, desk.fd1).status == 200
    carol = new_api_key(desk, "carol")
    mine = _integration(api, carol)
    with intercept_engine(), inject_faults(lambda _, action: Fault.LAGGING if action == "Query" else None):
        assert api.get("/api/v2/me/integrations", carol).json["data"] == []
        make(api, carol, integration_id=mine)


def test_a_key_names_an_active_integration_of_its_person(api: Api, desk: Desk) -> None:
    body = {"adapter": "ntfy", "name": "Cron"}
    mine, theirs = _integration(api, desk.alice_key), _integration(api, desk.bob_key)
    limited = api.post("/api/v2/keys", {"name": "inbox", "permissions": ["inbox"]}, desk.alice_key).json["data"]["key"]

    assert api.post(TOKENS, body, desk.alice_key).json["fieldErrors"] == {"integration_id": ["is required with a key"]}
    assert api.post(TOKENS, body | {"integration_id": theirs}, desk.alice_key).status == 404
    assert api.post(TOKENS, body | {"integration_id": mine}, limited).status == 403
    assert api.get(TOKENS, limited).status == 403
    assert api.post(TOKENS, body | {"integration_id": mine}, desk.alice).status == 400
    switched = api.call("PATCH", f"/api/v2/me/integrations/{mine}", {"isActive": False}, token=desk.alice_key)
    assert switched.status == 200
    assert api.post(TOKENS, body | {"integration_id": mine}, desk.alice_key).status == 403
    assert api.get(TOKENS, desk.alice_key).json["items"] == []


def test_ntfy_s_scripts_put_messages_with_the_query(api: Api, desk: Desk) -> None:
    path = path_of(make(api, desk.alice, "ntfy"))

    put = api.call("PUT", f"{path}?title=Backup&priority=high&tags=floppy_disk,db", raw="Backup of db-1 failed")
    query = api.call("POST", f"{path}?message=All%20well&click=https://ci.example.com/7", raw="")
    both = api.call("PUT", f"{path}?title=Query", raw="x", headers={"Title": "Header"})

    assert [each.status for each in (put, query, both)] == [202] * 3
    last, second, first = inbox(api, desk.alice_key)
    assert (first["title"], first["summary"], first["severity"]) == ("Backup", "Backup of db-1 failed", "warn")
    assert (second["title"], last["title"]) == ("All well", "Header")


def test_what_the_query_says_of_a_message_is_for_ntfy(api: Api, desk: Desk) -> None:
    refused = api.post(f"{path_of(make(api, desk.alice))}?title=x", new_group(new_alert()))
    assert (refused.status, list(refused.json["fieldErrors"])) == (400, ["title"])


def test_a_mapping_is_tried_on_a_sample_and_makes_nothing(api: Api, desk: Desk) -> None:
    body = {
        "mapping": {"title": "check.name", "severity": "check.level", "type": "'check.down'", "resolved": "up"},
        "sample": [{"check": {"name": "Site down", "level": "fatal"}}, {"check": {"name": "Site up"}, "up": True}],
    }
    reply = api.post("/api/v1/ingest-mappings/preview", body, desk.alice_key)

    down, up = reply.json["results"]
    assert (down["step"], up["step"]) == ("publish", "resolve")
    assert (down["event"]["title"], down["event"]["severity"]) == ("Site down", "critical")
    assert down["event"]["event_type"] == "check.down"
    assert inbox(api, desk.alice_key) == []
    empty = api.post("/api/v1/ingest-mappings/preview", body | {"sample": []}, desk.alice_key).json
    assert (empty["results"], empty["ignored"]) == ([], "The list is empty.")
    for wrong in ({"sample": {"x": 1}}, {"mapping": {"title": "["}}, {"mapping": {"summary": "a"}}, {"sample": "text"}):
        assert api.post("/api/v1/ingest-mappings/preview", body | wrong, desk.alice_key).status == 400
