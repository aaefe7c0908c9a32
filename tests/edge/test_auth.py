"""Authentication and authorization on v1, and the order of the checks."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib import aws
from chalicelib.ids import TokenKind, mint_token
from chalicelib.resources import TOKENS
from chalicelib.tokens.domain.tokens import KeyGrant
from chalicelib.tokens.stores.tokens import DynamoTokens
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.log_lines import read_texts

EVENTS = "/api/v1/events"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic YWxpY2U6c2VjcmV0",
        "Bearer nonsense",
        "Bearer flux-in-pers-short",
        "Bearer dvd_" + "a" * 49,
        "Bearer flux-tools-\u00e9" + "a" * 70,
    ],
)
def test_missing_or_malformed_token_is_refused_without_a_store_call(api: Api, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    reply = api.call("POST", EVENTS, inputs.new_event(), headers=headers)
    assert (reply.status, reply.json["code"]) == (401, "unauthorized")
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert reply.calls == []


@pytest.mark.parametrize("kind", list(TokenKind))
def test_unknown_token_is_refused(api: Api, desk: Desk, kind: TokenKind) -> None:
    unknown = mint_token(kind, None if kind is TokenKind.KEY else inputs.uuid(1)).text
    assert api.get(f"{EVENTS}/{inputs.uuid(1)}", unknown).status == 401


def test_token_with_a_known_grant_and_another_secret_is_refused(api: Api, desk: Desk) -> None:
    grant = desk.demo["users"]["alice"]["user_id"]
    desk.personal(grant_id=grant)
    assert api.post(EVENTS, inputs.new_event(), mint_token(TokenKind.PERSONAL, grant).text).status == 401


@pytest.mark.parametrize("status", ["disabled", "revoked"])
def test_ended_token_is_refused(api: Api, desk: Desk, status: str) -> None:
    change("SET #it = :to", {"#it": "status"}, {":to": {"S": status}})
    for reply in (
        api.post(EVENTS, inputs.new_event(), desk.alice),
        api.get(f"{EVENTS}/{inputs.uuid(1)}", desk.fd1),
        api.get("/api/v1/inbox", desk.alice_key),
    ):
        assert reply.status == 401
        assert status in reply.json["detail"]
        assert "x-ratelimit-limit" not in reply.headers


def test_expired_key_is_refused_to_the_second(api: Api, desk: Desk) -> None:
    now = datetime.now(UTC)
    for seconds, status in ((-1, 401), (600, 200)):
        key = mint_token(TokenKind.KEY)
        grant = KeyGrant(
            key.row_id,
            desk.user_id("alice"),
            "x",
            key.visible_prefix,
            frozenset({"all"}),
            now + timedelta(seconds=seconds),
        )
        DynamoTokens().add_key(grant, key, now=now)
        assert api.get("/api/v1/inbox", key.text).status == status


def test_key_is_limited_to_its_permissions(api: Api, desk: Desk) -> None:
    for areas, status in (({"inbox"}, 200), ({"queue", "chat"}, 403), (set(), 403)):
        key = mint_token(TokenKind.KEY)
        grant = KeyGrant(key.row_id, desk.user_id("alice"), "x", key.visible_prefix, frozenset(areas))
        DynamoTokens().add_key(grant, key, now=datetime.now(UTC))
        assert api.get("/api/v1/inbox", key.text).status == status


def test_token_of_the_wrong_kind_is_forbidden(api: Api, desk: Desk) -> None:
    for token in (desk.alice, desk.fd1):
        for path in ("/api/v1/inbox", f"/api/v1/inbox/{inputs.uuid(1)}"):
            assert api.get(path, token).status == 403
    assert api.get(f"{EVENTS}/{inputs.uuid(1)}", desk.alice_key).status == 403
    assert api.post(EVENTS, inputs.new_event(), desk.alice_key).status == 403


def test_publishing_with_a_tools_token_names_the_bulk_operation(api: Api, desk: Desk) -> None:
    reply = api.post(EVENTS, inputs.new_event(), desk.fd1)
    assert reply.status == 403
    assert "/api/v1/events/bulk" in reply.json["detail"]


def test_checks_come_in_the_documented_order(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_PERSONAL_BUDGET", "2")
    monkeypatch.setenv("FLUXDEN_TOOLS_BUDGET", "1")
    large, wrong = "x" * 262_145, {"Content-Type": "text/plain"}
    assert api.call("POST", EVENTS, raw=large).status == 413
    assert api.call("POST", EVENTS, raw="{", headers=wrong).status == 401
    assert [api.call("POST", EVENTS, raw="{", token=desk.fd1).status for _ in range(3)] == [403] * 3
    assert api.call("POST", EVENTS, raw="{", token=desk.alice, headers=wrong).status == 415
    assert (
        api.call("POST", EVENTS, inputs.new_event(event_type="hr.x.y", severity="critical"), token=desk.alice).status
        == 400
    )
    assert api.call("POST", EVENTS, raw="{", token=desk.alice).status == 429
    assert api.call("POST", EVENTS, raw="{", headers={"X-Request-Id": "no spaces"}).status == 401


def test_request_id_is_echoed_if_valid_else_new(api: Api, desk: Desk) -> None:
    given = api.post(EVENTS, inputs.new_event(), desk.alice, headers={"X-Request-Id": "trace_1-A"})
    assert given.headers["x-request-id"] == given.json["requestId"] == "trace_1-A"
    minted = api.post(EVENTS, inputs.new_event(), desk.alice)
    assert minted.headers["x-request-id"] == minted.json["requestId"]
    assert minted.json["requestId"].startswith("req_")
    for bad in ("", "a b", "é", "x" * 121, "a\r\nSet-Cookie: x"):
        refused = api.post(EVENTS, inputs.new_event(), desk.alice, headers={"X-Request-Id": bad})
        assert refused.status == 400
        assert list(refused.json["fieldErrors"]) == ["X-Request-Id"]
        assert refused.headers["x-request-id"].startswith("req_")
        minted = api.get("/api/v1/health", headers={"X-Request-Id": bad})
        assert (minted.status, minted.headers["x-request-id"][:4]) == (200, "req_")


def test_no_secret_is_stored_or_logged(api: Api, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for token in (desk.alice, desk.fd1, desk.alice_key):
        api.post(EVENTS, inputs.new_event(title="A secret title"), token)
    api.post(EVENTS, raw='{"title": "A secret title"', token=desk.alice)
    stored = str(aws.dynamodb().scan(TableName=TOKENS.physical_name)["Items"])
    own = str(read_texts(caplog))
    assert own
    for token in (desk.alice, desk.fd1, desk.alice_key):
        assert token not in stored
        assert token[20:40] not in stored
        assert token[20:40] not in str(own)
    assert "secret title" not in str(own)


def change(expression: str, names: dict[str, str], values: dict[str, dict[str, str]]) -> None:
    """Change every token's row, as an operator would."""
    client = aws.dynamodb()
    for item in client.scan(TableName=TOKENS.physical_name)["Items"]:
        client.update_item(
            TableName=TOKENS.physical_name,
            Key={"pk": item["pk"]},
            UpdateExpression=expression,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )
