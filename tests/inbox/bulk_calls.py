"""Bulk calls to make in tests, and the people and limits that they meet."""

from typing import Any

from chalicelib import aws
from chalicelib.people.domain.directory import Person, Project, Team
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import TOKENS
from chalicelib.tokens.domain.tokens import grant_id
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Answer, Api

EVENTS, BULK, INBOX = "/api/v1/events", "/api/v1/events/bulk", "/api/v1/inbox"


def by_email(*names: str) -> list[dict[str, str]]:
    return [{"type": "email", "email": f"{name}@example.com"} for name in names]


def send(api: Api, token: str, recipients: list[dict[str, str]], key: str | None = None, **overrides: Any) -> Answer:
    event = overrides.pop("event", None) or inputs.new_event()
    return api.post(BULK, {"event": event, "recipients": recipients, **overrides}, token, key=key)


def errors(reply: Answer) -> list[str | None]:
    return [row.get("error") for row in reply.json["results"]]


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
