"""Routing rules of ingest tokens: who gets what is sent to an address."""

from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.resources import FAN_OUT
from tests.conftest import Desk
from tests.support.alerts import new_alert, new_group, resolved
from tests.support.api import Api
from tests.support.pump import Pumps

TOKENS = "/api/v1/ingest-tokens"
INBOX = "/api/v1/inbox"
ALERTS = "/api/v1/ingest/alertmanager"
RULES: list[dict[str, Any]] = [
    {"to": ["alice@example.com"]},
    {"when": {"labels.team": "pay*"}, "to": ["Bob@example.com"]},
    {"when": {"severity": "info", "labels.team": "payments"}, "to": ["group:apollo"]},
]


def make(api: Api, token: str) -> dict[str, Any]:
    found: dict[str, Any] = api.post(TOKENS, {"adapter": "alertmanager", "name": "Prometheus"}, token).json
    return found


def path_of(made: dict[str, Any]) -> str:
    return str(made["address"]).removeprefix("http://desk.test")


def routed(api: Api, desk: Desk, rules: list[dict[str, Any]] = RULES) -> str:
    """Make a token with rules, and return the path of its address."""
    made = make(api, desk.fd1)
    reply = api.call("PUT", f"{TOKENS}/{made['tokenId']}/rules", {"rules": rules}, token=desk.fd1)
    assert reply.status == 200, reply.text
    return path_of(made)


def alert(name: str, **labels: str) -> dict[str, Any]:
    made = new_alert(fingerprint=name, summary=name)
    return made | {"labels": made["labels"] | labels}


def titles(api: Api, key: str) -> list[str]:
    return [each["title"] for each in api.get(INBOX, key).json["items"]]


def test_each_alert_goes_to_those_of_the_last_rule_that_matches(api: Api, desk: Desk, pump: Pumps) -> None:
    path = routed(api, desk)

    reply = api.post(path, new_group(alert("one"), alert("two", team="payments")))

    assert [each["outcome"] for each in reply.json["results"]] == ["accepted"] * 2
    pump.drain(FAN_OUT)
    assert titles(api, desk.alice_key) == ["one"]
    assert titles(api, desk.bob_key) == ["two"]


def test_a_dry_run_says_which_rules_match(api: Api, desk: Desk) -> None:
    path = f"{routed(api, desk)}?dry_run=true"

    group = new_group(alert("one"), alert("two", team="payments"), alert("three", team="payments", severity="info"))
    rows = api.post(path, group).json["results"]

    assert [each["routing"] for each in rows] == [
        {"rule": 1, "matched": [1]},
        {"rule": 2, "matched": [1, 2]},
        {"rule": 3, "matched": [1, 2, 3]},
    ]
    assert [each["email"] for each in rows[0]["recipients"] + rows[1]["recipients"]] == [
        "alice@example.com",
        "bob@example.com",
    ]


def test_an_alert_for_nobody_is_refused_and_a_dry_run_says_so(api: Api, desk: Desk, pump: Pumps) -> None:
    path, group = routed(api, desk, RULES[1:2]), new_group(alert("one"))

    (row,) = api.post(f"{path}?dry_run=true", group).json["results"]
    refused = api.post(path, group)
    mixed = api.post(path, new_group(alert("one"), alert("two", team="payments"))).json["results"]

    assert (row["routing"], row["recipients"]) == ({"matched": []}, [])
    assert (refused.status, list(refused.json["fieldErrors"])) == (400, ["to"])
    assert [each["outcome"] for each in mixed] == ["refused", "accepted"]
    assert api.post(f"{path}?to=alice@example.com", group).status == 202
    pump.drain(FAN_OUT)
    assert titles(api, desk.alice_key) == ["one"]


def test_the_end_of_an_alert_reaches_those_who_have_it_whatever_rules_say_by_then(
    api: Api, desk: Desk, pump: Pumps
) -> None:
    path, one = routed(api, desk), alert("one", team="payments")
    api.post(path, new_group(one))
    pump.drain(FAN_OUT)

    (row,) = api.post(path, new_group(resolved(one | {"labels": {"alertname": "x"}}))).json["results"]

    assert row["outcome"] == "resolved"
    assert [each["email"] for each in row["recipients"] if each.get("deliveryId")] == ["bob@example.com"]
    (item,) = api.get(INBOX, desk.bob_key).json["items"]
    assert item["resolvedAt"]


def test_rules_keep_people_by_id_and_are_listed(api: Api, desk: Desk) -> None:
    routed(api, desk)
    listed = api.get(TOKENS, desk.fd1)
    assert listed.json["items"][0]["rules"] == [
        {"when": {}, "to": [desk.user_id("alice")]},
        {"when": {"labels.team": "pay*"}, "to": [desk.user_id("bob")]},
        {"when": {"severity": "info", "labels.team": "payments"}, "to": ["group:apollo"]},
    ]
    assert "@example.com" not in listed.text


def test_only_tools_tokens_have_rules_and_only_for_their_own(api: Api, desk: Desk) -> None:
    mine, theirs = make(api, desk.alice), make(api, desk.fd1)
    put = {"rules": RULES}
    assert api.call("PUT", f"{TOKENS}/{mine['tokenId']}/rules", put, token=desk.alice).status == 403
    assert api.call("PUT", f"{TOKENS}/{mine['tokenId']}/rules", put, token=desk.fd1).status == 404
    assert api.call("PUT", f"{TOKENS}/{theirs['tokenId']}/rules", put, token=desk.fd1).status == 200
    assert api.call("PUT", f"{TOKENS}/{theirs['tokenId']}/rules", {"rules": []}, token=desk.fd1).json["rules"] == []
    assert api.post(path_of(theirs), new_group(new_alert())).status == 400


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ([{"to": ["nobody@example.com"]}], "rules.0.to"),
        ([{"to": ["nobody"]}], "rules.0.to"),
        ([{"to": []}], "rules.0.to"),
        ([{"when": {"colour": "red"}, "to": ["bob@example.com"]}], "rules.0.when"),
        ([{"to": ["bob@example.com"]}] * 51, "rules"),
    ],
)
def test_rules_that_can_not_be_applied_change_nothing(
    api: Api, desk: Desk, rules: list[dict[str, Any]], field: str
) -> None:
    routed(api, desk, RULES[:1])
    (known,) = api.get(TOKENS, desk.fd1).json["items"]
    reply = api.call("PUT", f"{TOKENS}/{known['tokenId']}/rules", {"rules": rules}, token=desk.fd1)
    assert (reply.status, list(reply.json["fieldErrors"])) == (400, [field])
    assert api.get(TOKENS, desk.fd1).json["items"][0]["rules"] == known["rules"]


def test_rules_are_tried_in_the_query(api: Api, desk: Desk) -> None:
    query = quote('[{"when": {"severity": "critical"}, "to": ["group:apollo"]}]')
    path = f"{ALERTS}?dry_run=true&rules={query}"
    (row,) = api.post(path, new_group(new_alert()), desk.fd1).json["results"]
    assert row["routing"] == {"rule": 1, "matched": [1]}
    assert api.post(path, new_group(new_alert()), desk.alice).status == 403
    assert api.post(f"{ALERTS}?rules=%7B", new_group(new_alert()), desk.fd1).status == 400


def test_events_for_nobody_use_no_deliveries(api: Api, desk: Desk) -> None:
    path = routed(api, desk, RULES[1:2])
    for _ in range(3):
        assert api.post(path, new_group(alert("one"))).status == 400
    assert api.post(path, new_group(alert("two", team="payments"))).status == 202
