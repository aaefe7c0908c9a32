"""POST /api/v1/events/bulk: one event to many people, through the queue."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from chalicelib import aws
from chalicelib.core.domain.errors import Unavailable
from chalicelib.ids import TokenKind, mint_token
from chalicelib.inbox.domain.delivery_ids import derive_delivery_id
from chalicelib.people.domain.directory import Person, Project, Team
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DELIVERIES, FAN_OUT, TOKENS
from chalicelib.tokens.domain.tokens import Minted, ToolsGrant, grant_id
from chalicelib.tokens.stores.tokens import DynamoTokens
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Answer, Api
from tests.support.concurrency import run_concurrently
from tests.support.pump import Pumps

EVENTS, BULK, INBOX = "/api/v1/events", "/api/v1/events/bulk", "/api/v1/inbox"


def by_email(*names: str) -> list[dict[str, str]]:
    return [{"type": "email", "email": f"{name}@example.com"} for name in names]


def send(api: Api, token: str, recipients: list[dict[str, str]], key: str | None = None, **overrides: Any) -> Answer:
    event = overrides.pop("event", None) or inputs.new_event()
    return api.post(BULK, {"event": event, "recipients": recipients, **overrides}, token, key=key)


def errors(reply: Answer) -> list[str | None]:
    return [row.get("error") for row in reply.json["results"]]


def test_everyone_gets_a_delivery_of_their_own(api: Api, desk: Desk, pump: Pumps) -> None:
    reply = send(api, desk.fd1, by_email("alice", "bob"))

    assert reply.status == 202
    rows = reply.json["results"]
    assert rows[0] == {
        "email": "alice@example.com",
        "recipient": {"type": "email", "email": "alice@example.com"},
        "deliveryId": rows[0]["deliveryId"],
        "deduped": False,
        "pushed": False,
    }
    pump.drain(FAN_OUT)
    for row, key in zip(rows, (desk.alice_key, desk.bob_key), strict=True):
        (item,) = api.get(INBOX, key).json["items"]
        assert (item["deliveryId"], item["fireCount"]) == (row["deliveryId"], 1)


def test_someone_approved_without_a_token_gets_one(api: Api, desk: Desk, pump: Pumps) -> None:
    (row,) = send(api, desk.fd1, by_email("carol")).json["results"]
    assert row["autoClaimed"] is True
    pump.drain(FAN_OUT)
    assert api.get(f"{EVENTS}/{row['deliveryId']}", desk.fd1).json["recipientUserId"] == desk.user_id("carol")
    (again,) = send(api, desk.fd1, by_email("carol")).json["results"]
    assert "autoClaimed" not in again


def test_each_failing_recipient_is_a_row_that_says_why(api: Api, desk: Desk) -> None:
    disable(desk, "bob")
    recipients = [
        *by_email("alice", "bob", "nobody", "dave", "erin"),
        {"type": "user_id", "user_id": inputs.uuid(1)},
        {"type": "group", "slug": "nowhere"},
        {"type": "group", "slug": "zephyr"},
    ]
    reply = send(api, desk.fd1, recipients)
    assert reply.status == 202
    assert errors(reply) == [
        None,
        "token_disabled",
        "user_not_found",
        "user_inactive",
        "no_approved_request",
        "user_not_found",
        "group_not_found",
        "not_group_admin",
    ]
    assert [row["email"] for row in reply.json["results"][2:]] == [
        "nobody@example.com",
        "dave@example.com",
        "erin@example.com",
        f"{inputs.uuid(1)}@unresolved.invalid",
        "nowhere@unresolved.invalid",
        "zephyr@unresolved.invalid",
    ]


def test_a_group_of_a_long_name_has_no_address_that_no_mail_could_have(api: Api, desk: Desk) -> None:
    (row,) = send(api, desk.fd1, [{"type": "group", "slug": "ß" * 50}]).json["results"]
    local, _, domain = row["email"].partition("@")
    assert (row["error"], domain) == ("group_not_found", "unresolved.invalid")
    assert len(local) == 64
    assert local.isalnum()


def test_without_auto_claim_missing_and_ended_tokens_fail(api: Api, desk: Desk) -> None:
    assert errors(send(api, desk.fd1, by_email("carol"), auto_claim=False)) == ["no_approved_request"]
    set_status(desk, "alice", "revoked")
    assert errors(send(api, desk.fd1, by_email("alice"), auto_claim=False)) == ["no_token"]
    assert errors(send(api, desk.fd1, by_email("alice"))) == [None]


def test_a_severity_above_someones_ceiling_fails_for_them_only(api: Api, desk: Desk) -> None:
    claim = {"email": "bob@example.com", "severity_ceiling": "warn"}
    assert api.post("/api/v1/tokens/claim", claim, desk.fd1).status == 200
    reply = send(api, desk.fd1, by_email("alice", "bob"), event=inputs.new_event(severity="critical"))
    assert errors(reply) == [None, "severity_above_ceiling"]


def test_a_project_admits_its_members_only_and_its_administrators_events(api: Api, desk: Desk, pump: Pumps) -> None:
    reply = send(api, desk.fd1, by_email("alice", "carol"), event=inputs.new_event(project_slug="apollo"))
    assert errors(reply) == [None, "cross_project_blocked"]
    assert errors(send(api, desk.fd1, by_email("bob"), event=inputs.new_event(project_slug="zephyr"))) == [
        "cross_project_blocked"
    ]
    pump.drain(FAN_OUT)
    delivery = reply.json["results"][0]["deliveryId"]
    assert api.get(f"{EVENTS}/{delivery}", desk.fd1).json["projectId"] == desk.demo["project_id"]


def test_one_person_named_many_times_is_one_row_at_the_first_place(api: Api, desk: Desk) -> None:
    recipients = [
        *by_email("bob", "alice"),
        {"type": "email", "email": "BOB@example.com"},
        {"type": "user_id", "user_id": desk.user_id("alice").upper()},
        {"type": "group", "slug": "apollo"},
        *by_email("nobody", "nobody"),
    ]
    rows = send(api, desk.fd1, recipients).json["results"]
    assert [row["email"] for row in rows] == ["bob@example.com", "alice@example.com", "nobody@example.com"]


def test_a_group_is_its_active_members(api: Api, desk: Desk, pump: Pumps) -> None:
    DynamoDirectory().add_member("apollo", desk.user_id("dave"), admin=False)
    rows = send(api, desk.fd1, [{"type": "group", "slug": "apollo"}]).json["results"]
    assert {row["email"] for row in rows} == {"alice@example.com", "bob@example.com"}
    assert all(row["recipient"] == {"type": "group", "slug": "apollo"} for row in rows)


@pytest.mark.parametrize(("size", "status"), [(1000, 202), (1001, 400)])
def test_a_call_reaches_at_most_1000_people(api: Api, desk: Desk, size: int, status: int) -> None:
    crowd(desk, size)
    reply = send(api, desk.fd1, [{"type": "group", "slug": "crowd"}])
    assert reply.status == status
    if status == 202:
        assert Counter(errors(reply)) == {"no_approved_request": size - 1, None: 1}
    else:
        assert "1001" in reply.json["fieldErrors"]["recipients"][0]


def test_only_tools_tokens_send_in_bulk(api: Api, desk: Desk) -> None:
    for token in (desk.alice, desk.alice_key):
        assert send(api, token, by_email("alice")).status == 403
    assert send(api, desk.hr, by_email("alice"), event=inputs.new_event(event_type="hr.x")).status == 202


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"recipients": []}, "recipients"),
        ({"recipients": by_email("a") * 101}, "recipients"),
        ({"recipients": [{"type": "email", "email": "no address"}]}, "recipients.0.email.email"),
        ({"recipients": [{"type": "user_id", "user_id": "1"}]}, "recipients.0.user_id.user_id"),
        ({"recipients": [{"type": "group", "slug": ""}]}, "recipients.0.group.slug"),
        ({"recipients": [{"type": "everyone"}]}, "recipients.0"),
        ({"recipients": [{"type": "email", "email": "a@b.c", "x": 1}]}, "recipients.0.email.x"),
        ({"auto_claim": "yes"}, "auto_claim"),
        ({"auto_claim": None}, "auto_claim"),
        ({"more": 1}, "more"),
        ({"event": inputs.new_event(event_type="hr.x")}, "event.event_type"),
        ({"event": inputs.new_event(occurred_at=inputs.ago(hours=25))}, "event.occurred_at"),
        ({"event": inputs.new_event(severity="fatal")}, "event.severity"),
    ],
)
def test_a_malformed_call_fails_as_a_whole(api: Api, desk: Desk, body: dict[str, Any], field: str) -> None:
    reply = api.post(BULK, {"event": inputs.new_event(), "recipients": by_email("alice")} | body, desk.fd1)
    assert (reply.status, list(reply.json["fieldErrors"])) == (400, [field])


def test_deduped_is_true_for_what_was_sent_before_by_any_way(api: Api, desk: Desk, pump: Pumps) -> None:
    event = inputs.new_event()
    api.post(EVENTS, event, desk.alice)
    first = send(api, desk.fd1, by_email("alice", "bob"), event=event)
    again = send(api, desk.fd1, by_email("alice", "bob", "carol"), event=event)
    assert [row["deduped"] for row in first.json["results"]] == [True, False]
    assert [row["deduped"] for row in again.json["results"]] == [True, True, False]
    pump.drain(FAN_OUT)
    counts = [api.get(f"{EVENTS}/{row['deliveryId']}", desk.fd1).json["fireCount"] for row in again.json["results"]]
    assert counts == [3, 2, 1]


def test_of_concurrent_sends_one_is_new_for_each_person(api: Api, desk: Desk, pump: Pumps) -> None:
    event = inputs.new_event()
    replies = run_concurrently(8, lambda _: send(api, desk.fd1, by_email("alice", "bob"), event=event))
    for place in (0, 1):
        assert Counter(reply.json["results"][place]["deduped"] for reply in replies) == {False: 1, True: 7}
    pump.drain(FAN_OUT)
    assert api.get(INBOX, desk.alice_key).json["items"][0]["fireCount"] == 8


def test_a_message_that_comes_again_is_counted_once_however_late(api: Api, desk: Desk, pump: Pumps) -> None:
    event = inputs.new_event()
    for token in (desk.fd1, desk.fd1):
        delivery = send(api, token, by_email("alice"), event=event).json["results"][0]["deliveryId"]
    bodies = received(FAN_OUT.physical_name)
    assert len(bodies) == 2
    for days in (0, 0, 1, 13):
        with time_machine.travel(datetime.now(UTC).timestamp() + days * 86400):
            for body in bodies:
                aws.sqs().send_message(QueueUrl=aws.queue_url(FAN_OUT.physical_name), MessageBody=body)
            pump.drain(FAN_OUT)
    assert api.get(f"{EVENTS}/{delivery}", desk.fd1).json["fireCount"] == 2
    (row,) = api.get("/api/v1/event-types", desk.fd1).json["yourEventTypes"]
    assert row["count"] == 1


def test_an_accepted_delivery_is_there_at_once_and_the_worker_does_not_repeat_it(
    api: Api, desk: Desk, pump: Pumps
) -> None:
    event = inputs.new_event(markdown_body="x" * 8000, labels={"k" * 20_000: "v"})
    (row,) = send(api, desk.fd1, by_email("carol"), event=event).json["results"]
    path = f"{EVENTS}/{row['deliveryId']}"
    read = api.get(path, desk.fd1)
    assert (read.status, read.json["title"], read.json["fireCount"]) == (200, event["title"], 1)
    assert api.post(f"{path}/resolve", {"resolution_note": "x"}, desk.fd1).status == 200
    assert api.get(path, desk.hr).status == 404
    pump.drain(FAN_OUT)
    after = api.get(path, desk.fd1).json
    assert (after["fireCount"], after["resolutionNote"]) == (1, "x")


def test_the_recipient_of_a_bulk_delivery_is_not_its_sender(api: Api, desk: Desk, pump: Pumps) -> None:
    (row,) = send(api, desk.fd1, by_email("alice")).json["results"]
    pump.drain(FAN_OUT)
    assert api.get(f"{EVENTS}/{row['deliveryId']}", desk.alice).status == 404
    assert api.get(f"{INBOX}/{row['deliveryId']}", desk.alice_key).status == 200


def test_a_replay_gives_the_same_rows_and_sends_nothing(api: Api, desk: Desk, pump: Pumps) -> None:
    event = inputs.new_event()
    first = send(api, desk.fd1, by_email("alice", "carol", "erin"), key="k", event=event)
    again = send(api, desk.fd1, by_email("alice", "carol", "erin"), key="k", event=event)
    assert (again.status, again.text) == (202, first.text)
    assert again.headers["idempotent-replayed"] == "true"
    assert send(api, desk.fd1, by_email("alice"), key="k", event=event).status == 409
    pump.drain(FAN_OUT)
    assert api.get(INBOX, desk.alice_key).json["items"][0]["fireCount"] == 1


def test_a_call_that_failed_half_way_is_finished_by_its_repeat(
    api: Api, desk: Desk, pump: Pumps, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = inputs.new_event()

    def fail(*_: object) -> None:
        raise RuntimeError("the queue is down")

    with monkeypatch.context() as broken:
        broken.setattr("chalicelib.core.gateways.job_queue.JobQueue.send_all", fail)
        with pytest.raises(AssertionError, match="undocumented 500"):
            send(api, desk.fd1, by_email("alice", "carol"), key="k", event=event)
    done = send(api, desk.fd1, by_email("alice", "carol"), key="k", event=event)
    assert [row["deduped"] for row in done.json["results"]] == [False, False]
    pump.drain(FAN_OUT)
    assert api.get(INBOX, desk.alice_key).json["items"][0]["fireCount"] == 1


def test_recipients_are_taken_from_the_tools_tokens_day(api: Api, desk: Desk) -> None:
    with time_machine.travel(datetime(2026, 5, 21, 23, 30, tzinfo=UTC), tick=False):
        api.get(f"{EVENTS}/nothing", desk.fd1)
        left(desk, "fd1", 3)
        assert send(api, desk.fd1, by_email("alice", "bob")).status == 202
        refused = send(api, desk.fd1, by_email("alice", "bob"))
        assert (refused.status, refused.headers["retry-after"]) == (429, "1800")
        assert send(api, desk.fd1, [{"type": "group", "slug": "apollo"}]).status == 429
        assert send(api, desk.fd1, by_email("alice")).status == 202


def test_the_calls_until_the_reply_do_not_depend_on_the_number_of_people(api: Api, desk: Desk) -> None:
    crowd(desk, 97)
    everyone = [{"type": "user_id", "user_id": inputs.uuid(number)} for number in range(97)]
    with time_machine.travel(datetime(2026, 5, 21, 12, tzinfo=UTC), tick=False):
        approve_all(api, desk, 97)
        api.get(f"{EVENTS}/nothing", desk.fd1)
        few = send(api, desk.fd1, by_email("alice", "carol"))
        many = send(api, desk.fd1, [*everyone, *by_email("alice", "bob", "erin")], key="k")
        plain = send(api, desk.fd1, [*everyone, *by_email("alice", "bob", "erin")])
    assert Counter(errors(many)) == {None: 99, "no_approved_request": 1}
    assert sum(row.get("autoClaimed", False) for row in many.json["results"]) == 97
    assert (few.steps, many.steps, plain.steps) == (5, 6, 5)


@pytest.mark.usefixtures("_retry_immediately")
def test_what_can_t_be_processed_rests_in_the_dead_letter_queue(api: Api, desk: Desk, pump: Pumps) -> None:
    send(api, desk.fd1, by_email("alice"))
    key = {"sk": "CALL"}
    for item in aws.dynamodb().scan(TableName=DELIVERIES.physical_name)["Items"]:
        if item["sk"]["S"].startswith(key["sk"]):
            aws.dynamodb().delete_item(TableName=DELIVERIES.physical_name, Key={"pk": item["pk"], "sk": item["sk"]})
    aws.sqs().send_message(QueueUrl=aws.queue_url(FAN_OUT.physical_name), MessageBody="poison")
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        for _ in range(6):
            pump.drain(FAN_OUT)
            clock.shift(600)
        dead = received(FAN_OUT.dead_letters.physical_name)
    assert len(dead) == 2
    assert "poison" in dead


def test_someone_named_apart_from_a_group_has_a_row_whatever_the_group_makes_of_them(api: Api, desk: Desk) -> None:
    DynamoDirectory().add_member("apollo", desk.user_id("dave"), admin=False)
    group = {"type": "group", "slug": "apollo"}
    rows = send(api, desk.fd1, [group, *by_email("dave")]).json["results"]
    assert (rows[-1]["email"], rows[-1]["error"]) == ("dave@example.com", "user_inactive")
    nobody = [{"type": "group", "slug": "nowhere"}, {"type": "email", "email": "nowhere@unresolved.invalid"}]
    assert errors(send(api, desk.fd1, nobody)) == ["group_not_found", "user_not_found"]


def test_another_body_under_a_key_in_use_has_no_effect(api: Api, desk: Desk, pump: Pumps) -> None:
    event = inputs.new_event()
    names = ("alice", "bob")
    replies = run_concurrently(2, lambda number: send(api, desk.fd1, by_email(names[number]), key="k", event=event))
    pump.drain(FAN_OUT)
    assert sorted(reply.status for reply in replies) == [202, 409]
    for reply, key in zip(replies, (desk.alice_key, desk.bob_key), strict=True):
        assert len(api.get(INBOX, key).json["items"]) == (1 if reply.status == 202 else 0)


def test_a_refused_call_frees_its_key_and_takes_nothing_of_the_day(api: Api, desk: Desk) -> None:
    crowd(desk, 1001)
    with time_machine.travel(datetime(2026, 5, 21, 12, tzinfo=UTC), tick=False):
        api.get(f"{EVENTS}/nothing", desk.fd1)
        left(desk, "fd1", 1500)
        assert send(api, desk.fd1, [{"type": "group", "slug": "crowd"}], key="k").status == 400
        left_now = [item for item in aws.dynamodb().scan(TableName=TOKENS.physical_name)["Items"] if "admin" in item]
        assert {item["dayLeft"]["N"] for item in left_now if item["integrator"]["S"] == "fd1"} == {"1500"}
        assert send(api, desk.fd1, by_email("alice"), key="k").status == 202


def test_inactive_members_of_a_group_take_nothing_of_the_day(api: Api, desk: Desk) -> None:
    DynamoDirectory().add_member("apollo", desk.user_id("dave"), admin=False)
    with time_machine.travel(datetime(2026, 5, 21, 12, tzinfo=UTC), tick=False):
        api.get(f"{EVENTS}/nothing", desk.fd1)
        left(desk, "fd1", 5)
        statuses = [send(api, desk.fd1, [{"type": "group", "slug": "apollo"}]).status for _ in range(3)]
        assert statuses == [202, 202, 429]
        assert send(api, desk.fd1, by_email("alice")).status == 202


def test_a_token_issued_anew_keeps_its_ceiling(api: Api, desk: Desk) -> None:
    claim = {"email": "bob@example.com", "severity_ceiling": "warn"}
    assert api.post("/api/v1/tokens/claim", claim, desk.fd1).status == 200
    set_status(desk, "bob", "revoked")
    for _ in range(2):
        reply = send(api, desk.fd1, by_email("bob"), event=inputs.new_event(severity="critical"))
        assert errors(reply) == ["severity_above_ceiling"]


def test_a_token_is_minted_by_one_of_concurrent_sends(api: Api, desk: Desk) -> None:
    replies = run_concurrently(6, lambda _: send(api, desk.fd1, by_email("carol")))
    assert Counter(row.get("autoClaimed", False) for reply in replies for row in reply.json["results"]) == {
        True: 1,
        False: 5,
    }


def test_what_was_accepted_first_is_what_is_shown(api: Api, desk: Desk, pump: Pumps) -> None:
    event = inputs.new_event(title="First")
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        delivery = send(api, desk.fd1, by_email("alice"), event=event).json["results"][0]["deliveryId"]
        clock.shift(1)
        again = send(api, desk.fd1, by_email("alice", "bob"), event=event | {"title": "Second"})
        assert [row["deduped"] for row in again.json["results"]] == [True, False]
        for body in reversed(received(FAN_OUT.physical_name)):
            aws.sqs().send_message(QueueUrl=aws.queue_url(FAN_OUT.physical_name), MessageBody=body)
            pump.drain(FAN_OUT)
        read = api.get(f"{EVENTS}/{delivery}", desk.fd1).json
    assert (read["title"], read["fireCount"]) == ("First", 2)


def test_after_a_call_the_queue_refused_the_next_is_the_first(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = inputs.new_event()

    def refuse(*_: object) -> None:
        raise Unavailable("the queue is full")

    with monkeypatch.context() as broken:
        broken.setattr("chalicelib.core.gateways.job_queue.JobQueue.send_all", refuse)
        assert send(api, desk.fd1, by_email("alice"), event=event).status == 503
    assert send(api, desk.fd1, by_email("alice"), event=event).json["results"][0]["deduped"] is False


def test_who_loses_the_approval_in_between_gets_nothing(
    api: Api, desk: Desk, pump: Pumps, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = inputs.new_event()

    def never(*_: object, **__: object) -> Minted:
        return Minted.NEVER

    with monkeypatch.context() as revoked:
        revoked.setattr("chalicelib.catalog.stores.claims.DynamoClaims.mint", never)
        assert errors(send(api, desk.fd1, by_email("alice", "carol"), event=event)) == [None, "no_approved_request"]
    pump.drain(FAN_OUT)
    promised = derive_delivery_id("fd1", desk.user_id("carol"), event["event_id"])
    assert api.get(f"{EVENTS}/{promised}", desk.fd1).status == 404
    assert send(api, desk.fd1, by_email("carol"), event=event).json["results"][0]["deduped"] is False


def test_every_tools_token_that_sent_it_in_bulk_may_read_it(api: Api, desk: Desk, pump: Pumps) -> None:
    token = mint_token(TokenKind.TOOLS, inputs.uuid(5))
    grant = ToolsGrant(inputs.uuid(5), "fd1", "fd1.", desk.user_id("alice"), admin=False)
    DynamoTokens().add_tools(grant, token, now=datetime.now(UTC))
    event = inputs.new_event()
    api.post(EVENTS, event, desk.alice)
    (row,) = send(api, token.text, by_email("alice"), event=event).json["results"]
    pump.drain(FAN_OUT)
    assert row["deduped"] is True
    assert api.get(f"{EVENTS}/{row['deliveryId']}", token.text).json["fireCount"] == 2


def received(queue: str) -> list[str]:
    """The bodies of a queue's messages, which stay out of sight for a while."""
    bodies: list[str] = []
    while True:
        got = aws.sqs().receive_message(QueueUrl=aws.queue_url(queue), MaxNumberOfMessages=10)
        if not got.get("Messages"):
            return bodies
        bodies += [message["Body"] for message in got["Messages"]]


def crowd(desk: Desk, size: int) -> None:
    """A project of so many people, whose administrator is alice."""
    directory = DynamoDirectory()
    rows: list[dict[str, Any]] = []
    for number in range(size):
        person = Person(inputs.uuid(number), f"p{number}@example.com", f"P{number}")
        rows.append(
            {
                "pk": {"S": f"USER#{person.user_id}"},
                "sk": {"S": "USER"},
                "email": {"S": person.email},
                "name": {"S": person.name},
                "active": {"BOOL": True},
                "orgAdmin": {"BOOL": False},
            }
        )
        rows.append({"pk": {"S": "PROJECT#crowd"}, "sk": {"S": f"MEMBER#{person.user_id}"}, "admin": {"BOOL": False}})
    alice = desk.user_id("alice")
    directory.add_project(
        Project(inputs.uuid(9999), "crowd", "Crowd", inputs.uuid(9998), frozenset({alice}), frozenset({alice})),
        Team(inputs.uuid(9998), "Crowd"),
    )
    directory.remove_member("crowd", alice)
    directory.add_member("crowd", alice, admin=True)
    if size > 900:
        # The administrator is the last of the crowd.
        rows = rows[:-2]
    batch("fluxden-directory", rows)


def approve_all(api: Api, desk: Desk, size: int) -> None:
    rows = [
        {
            "pk": {"S": "ITEM#fd1"},
            "sk": {"S": f"APPROVAL#{inputs.uuid(number)}"},
            "userId": {"S": inputs.uuid(number)},
            "slug": {"S": "fd1"},
            "status": {"S": "approved"},
        }
        for number in range(size)
    ]
    batch("fluxden-catalog", rows)


def batch(table: str, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), 25):
        puts: Any = [{"PutRequest": {"Item": row}} for row in rows[start : start + 25]]
        aws.dynamodb().batch_write_item(RequestItems={table: puts})


def set_status(desk: Desk, name: str, status: str) -> None:
    aws.dynamodb().update_item(
        TableName=TOKENS.physical_name,
        Key={"pk": {"S": f"PERSONAL#{grant_id('fd1', desk.user_id(name))}"}},
        UpdateExpression="SET #status = :status",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":status": {"S": status}},
    )


def disable(desk: Desk, name: str) -> None:
    set_status(desk, name, "disabled")


def left(desk: Desk, slug: str, deliveries: int) -> None:
    """Leave so many deliveries of the running day to a tools token."""
    for item in aws.dynamodb().scan(TableName=TOKENS.physical_name)["Items"]:
        if item["pk"]["S"].startswith("TOOLS#") and item["integrator"]["S"] == slug:
            aws.dynamodb().update_item(
                TableName=TOKENS.physical_name,
                Key={"pk": item["pk"]},
                UpdateExpression="SET dayLeft = :left",
                ExpressionAttributeValues={":left": {"N": str(deliveries)}},
            )
