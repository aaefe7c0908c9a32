"""POST /api/v1/tokens/claim and …/claim/batch: new tokens and rotations."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from chalicelib import aws
from chalicelib.ids import TokenKind, parse_token
from chalicelib.resources import IDEMPOTENCY, TOKENS
from chalicelib.tokens.stores.tokens import DynamoTokens
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Answer, Api
from tests.support.concurrency import run_concurrently

EVENTS, CLAIM, BATCH = "/api/v1/events", "/api/v1/tokens/claim", "/api/v1/tokens/claim/batch"
NOON = datetime(2026, 5, 21, 12, 0, 10, tzinfo=UTC)


def claim(api: Api, desk: Desk, name: str, key: str | None = None, **terms: Any) -> Answer:
    return api.post(CLAIM, {"email": f"{name}@example.com", **terms}, desk.fd1, key=key)


def works(api: Api, token: str, **event: Any) -> int:
    return api.post(EVENTS, inputs.new_event(**event), token).status


def test_first_claim_creates_a_working_token(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        reply = claim(api, desk, "carol", label="CI", daily_limit=2)
        made = reply.json
        assert reply.status == 200
        assert made == {
            "token": made["token"],
            "tokenId": made["tokenId"],
            "ownerUserId": desk.user_id("carol"),
            "expiresPriorAt": "2026-05-22T12:00:10.000Z",
        }
        parsed = parse_token(made["token"])
        assert parsed is not None
        assert (parsed.kind, parsed.row_id) == (TokenKind.PERSONAL, made["tokenId"])
        assert [works(api, made["token"]) for _ in range(3)] == [202, 202, 429]


def test_default_daily_limit_is_50(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_PERSONAL_BUDGET", "1000")
    token = claim(api, desk, "carol").json["token"]
    assert Counter(works(api, token) for _ in range(51)) == {202: 50, 429: 1}


def test_previous_secret_works_for_24_hours_with_a_sunset_header(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        new = claim(api, desk, "alice").json
        assert works(api, new["token"]) == 202
        prior = api.post(EVENTS, inputs.new_event(), desk.alice)
        assert prior.status == 202
        assert prior.headers["deprecation"] == f"@{int(NOON.timestamp())}"
        assert prior.headers["sunset"] == "Fri, 22 May 2026 12:00:10 GMT"
        assert "sunset" not in api.post(EVENTS, inputs.new_event(), new["token"]).headers
        clock.shift(24 * 3600 - 1)
        assert works(api, desk.alice) == 202
        clock.shift(1)
        assert works(api, desk.alice) == 401
        assert works(api, new["token"]) == 202


def test_second_rotation_ends_the_oldest_secret_at_once(api: Api, desk: Desk) -> None:
    first, second = (claim(api, desk, "alice").json["token"] for _ in range(2))
    assert [works(api, token) for token in (desk.alice, first, second)] == [401, 202, 202]


def test_rotation_keeps_counters_sender_and_deduplication(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        token = claim(api, desk, "carol", daily_limit=2).json["token"]
        event = inputs.new_event()
        delivery = api.post(EVENTS, event, token).json["deliveryId"]
        used = api.post(EVENTS, inputs.new_event(), token).headers["x-ratelimit-remaining"]
        next_token = claim(api, desk, "carol").json["token"]
        assert int(api.get(f"{EVENTS}/{delivery}", next_token).headers["x-ratelimit-remaining"]) == int(used) - 1
        assert api.post(EVENTS, event, next_token).status == 200
        assert works(api, next_token) == 429
        assert works(api, token) == 429


def test_changed_limit_changes_the_rest_of_the_day(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        token = claim(api, desk, "carol", daily_limit=2).json["token"]
        assert [works(api, token) for _ in range(2)] == [202, 202]
        more = claim(api, desk, "carol", daily_limit=3, severity_ceiling="warn").json["token"]
        assert works(api, more, severity="critical") == 403
        assert [works(api, more, severity="warn") for _ in range(2)] == [202, 429]
        less = claim(api, desk, "carol", daily_limit=1).json["token"]
        assert works(api, less) == 429


def test_only_active_approved_employees_with_no_disabled_token_get_one(api: Api, desk: Desk) -> None:
    disable(desk, "bob")
    for name, reason in (
        ("erin", "no_approved_request"),
        ("dave", "user_inactive"),
        ("nobody", "user_not_found"),
        ("bob", "token_disabled"),
    ):
        refused = claim(api, desk, name)
        assert (refused.status, refused.json["detail"].partition(":")[0]) == (403, reason)
    assert works(api, desk.bob) == 401


def test_claims_need_an_administrators_tools_token(api: Api, desk: Desk) -> None:
    for token in (desk.hr, desk.alice, desk.alice_key):
        for path, body in ((CLAIM, {"email": "alice@example.com"}), (BATCH, {"claims": []}), (CLAIM, {})):
            assert api.post(path, body, token).status == 403


def test_revoked_approval_ends_the_token_and_a_new_approval_gives_a_new_one(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        token = claim(api, desk, "carol", daily_limit=1).json["token"]
        assert works(api, token) == 202
        pair = {"email": "carol@example.com", "catalog_slug": "fd1"}
        assert api.call("DELETE", "/api/v1/catalog/approvals", pair, token=desk.fd1).json["tokensInvalidated"] == 1
        assert works(api, token) == 401
        assert claim(api, desk, "carol").status == 403
        assert api.post("/api/v1/catalog/approvals", pair, desk.fd1).status == 201
        again = claim(api, desk, "carol").json["token"]
        assert works(api, token) == 401
        assert works(api, again) == 429, "the day's counter survives"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "no address"},
        {"email": "a@b.c", "label": "x" * 81},
        {"email": "a@b.c", "label": None},
        {"email": "a@b.c", "severity_ceiling": "fatal"},
        {"email": "a@b.c", "daily_limit": 0},
        {"email": "a@b.c", "daily_limit": 1001},
        {"email": "a@b.c", "daily_limit": "5"},
        {"email": "a@b.c", "more": 1},
    ],
)
def test_malformed_claim_is_refused(api: Api, desk: Desk, body: dict[str, Any]) -> None:
    assert api.post(CLAIM, body, desk.fd1).status == 400
    assert api.post(BATCH, {"claims": [{"email": "alice@example.com"}, body]}, desk.fd1).status == 400
    assert works(api, desk.alice) == 202


def test_replay_returns_the_secret_and_the_table_does_not_contain_it(api: Api, desk: Desk) -> None:
    first = claim(api, desk, "carol", key="k")
    again = claim(api, desk, "carol", key="k")
    assert (again.text, again.headers["idempotent-replayed"]) == (first.text, "true")
    assert claim(api, desk, "alice", key="k").status == 409
    secret = first.json["token"][40:60]
    for table in (IDEMPOTENCY, TOKENS):
        assert secret not in str(aws.dynamodb().scan(TableName=table.physical_name)["Items"])
    assert claim(api, desk, "carol").json["token"] != first.json["token"]


def test_after_the_callers_own_rotation_a_sealed_reply_stays_sealed(api: Api, desk: Desk) -> None:
    from chalicelib.ids import mint_token
    from infra import demo

    assert claim(api, desk, "carol", key="k").status == 200
    rotated = mint_token(TokenKind.TOOLS, demo.identifier("tools", "fd1"))
    DynamoTokens().rotate(rotated, now=datetime.now(UTC))
    refused = api.post(CLAIM, {"email": "carol@example.com"}, rotated.text, key="k")
    assert refused.status == 409
    assert api.post(CLAIM, {"email": "carol@example.com"}, rotated.text, key="l").status == 200


def test_expired_idempotency_key_rotates_again(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        for path, body in (
            (CLAIM, {"email": "carol@example.com"}),
            (BATCH, {"claims": [{"email": "carol@example.com"}]}),
        ):
            secrets = []
            for _ in range(2):
                made = api.post(path, body, desk.fd1, key="r").json
                secrets.append(made["token"] if path == CLAIM else made["results"][0]["token"]["token"])
                clock.shift(24 * 3600 + 1)
            assert secrets[0] != secrets[1]
            assert [works(api, secret) for secret in secrets] == [401, 202]


def test_other_batch_with_the_same_key_is_a_conflict(api: Api, desk: Desk) -> None:
    names = ("alice", "bob")
    replies = run_concurrently(
        2, lambda number: api.post(BATCH, {"claims": [{"email": f"{names[number]}@example.com"}]}, desk.fd1, key="k")
    )
    assert sorted(reply.status for reply in replies) == [200, 409]
    for reply, token in zip(replies, (desk.alice, desk.bob), strict=True):
        headers = api.post(EVENTS, inputs.new_event(), token).headers
        assert ("sunset" in headers) == (reply.status == 200)


def test_refusals_of_a_superseded_secret_have_the_sunset_header(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUXDEN_PERSONAL_BUDGET", "2")
    with time_machine.travel(NOON, tick=False):
        claim(api, desk, "alice")
        replies = [api.post("/api/v1/events/bulk", {}, desk.alice)]
        replies += [api.get(f"{EVENTS}/nothing", desk.alice) for _ in range(2)]
    assert [(reply.status, "sunset" in reply.headers) for reply in replies] == [(403, True), (404, True), (429, True)]


def test_concurrent_claims_leave_at_most_two_working_secrets(api: Api, desk: Desk) -> None:
    replies = run_concurrently(8, lambda _: claim(api, desk, "carol"))
    assert {reply.status for reply in replies} <= {200, 409}
    tokens = [reply.json["token"] for reply in replies if reply.status == 200]
    assert tokens
    assert 1 <= sum(works(api, token) == 202 for token in tokens) <= 2


def test_rows_of_a_batch_succeed_or_fail_independently(api: Api, desk: Desk) -> None:
    disable(desk, "bob")
    names = ("alice", "carol", "erin", "dave", "nobody", "bob", "alice")
    reply = api.post(BATCH, {"claims": [{"email": f"{name}@example.com"} for name in names]}, desk.fd1)
    rows = reply.json["results"]
    assert reply.status == 200
    assert [row["ok"] for row in rows] == [True, True, False, False, False, False, False]
    assert [row.get("reason") for row in rows[2:]] == [
        "no_approved_request",
        "user_inactive",
        "user_not_found",
        "token_disabled",
        "duplicate",
    ]
    assert [works(api, row["token"]["token"]) for row in rows[:2]] == [202, 202]
    assert works(api, desk.alice) == 202, "the predecessor of the one rotation"


def test_replayed_batch_shows_the_same_secrets(api: Api, desk: Desk) -> None:
    body = {"claims": [{"email": "alice@example.com"}, {"email": "erin@example.com"}]}
    first = api.post(BATCH, body, desk.fd1, key="k")
    again = api.post(BATCH, body, desk.fd1, key="k")
    assert (again.status, again.text) == (200, first.text)
    assert works(api, desk.alice) == 202, "rotated once"


def test_repeat_finishes_a_failed_batch_without_another_rotation(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"claims": [{"email": "alice@example.com"}, {"email": "carol@example.com"}]}

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the store is down")

    with monkeypatch.context() as broken:
        broken.setattr("chalicelib.core.stores.idempotency.DynamoIdempotency.finish", fail)
        with pytest.raises(AssertionError, match="undocumented 500"):
            api.post(BATCH, body, desk.fd1, key="k")
    rows = api.post(BATCH, body, desk.fd1, key="k").json["results"]
    assert [works(api, row["token"]["token"]) for row in rows] == [202, 202]
    assert works(api, desk.alice) == 202


@pytest.mark.parametrize("count", [0, 101])
def test_batch_has_1_to_100_claims(api: Api, desk: Desk, count: int) -> None:
    claims = [{"email": f"p{number}@example.com"} for number in range(count)]
    assert api.post(BATCH, {"claims": claims}, desk.fd1).status == 400


def test_batch_takes_four_sequential_calls_for_any_number(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        api.get(f"{EVENTS}/nothing", desk.fd1)
        assert claim(api, desk, "alice").steps == 4
        assert claim(api, desk, "alice", key="k").steps == 4
        claims = [{"email": f"{name}@example.com"} for name in ("alice", "bob", "carol")]
        claims += [{"email": f"p{number}@example.com"} for number in range(97)]
        assert api.post(BATCH, {"claims": claims}, desk.fd1).steps == 4
        assert api.post(BATCH, {"claims": claims}, desk.fd1, key="b").steps == 5


def disable(desk: Desk, name: str) -> None:
    parsed = parse_token(getattr(desk, name))
    assert parsed is not None
    aws.dynamodb().update_item(
        TableName=TOKENS.physical_name,
        Key={"pk": {"S": f"PERSONAL#{parsed.row_id}"}},
        UpdateExpression="SET #status = :status",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":status": {"S": "disabled"}},
    )
