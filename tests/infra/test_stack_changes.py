"""What a change set changes, and why it failed, is told from inside nested stacks. moto has no nested change sets."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.stack_changes import list_changes, list_failures, list_refusals

pytestmark = pytest.mark.engine("embedded")

_STACK, _FUNCTION = "AWS::CloudFormation::Stack", "AWS::Lambda::Function"
_NOW = datetime(2026, 12, 1, tzinfo=UTC)
ROOT = {"StackName": "fluxden-t", "ChangeSetName": "root"}


class CloudFormation:
    """Answers as the service does about change sets and events that a test describes."""

    def __init__(self, change_sets: dict[str, Any] | None = None, events: dict[str, list[Any]] | None = None) -> None:
        self._change_sets, self._events = change_sets or {}, events or {}

    def describe_change_set(self, **asked: str) -> dict[str, Any]:
        """Return one change a page."""
        about: dict[str, Any] = {"Status": "CREATE_COMPLETE"} | self._change_sets[asked["ChangeSetName"]]
        changes, at = about.get("Changes", []), int(asked.get("NextToken", 0))
        page = about | {"Changes": [{"ResourceChange": each} for each in changes[at : at + 1]]}
        return page | ({"NextToken": str(at + 1)} if at + 1 < len(changes) else {})

    def get_paginator(self, name: str) -> Any:
        assert name == "describe_stack_events"
        return self

    def paginate(self, *, StackName: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        for each in self._events[StackName]:
            yield {"StackEvents": [each]}


def change(kind: str, name: str, *properties: str, action: str = "Modify", **more: Any) -> dict[str, Any]:
    details = [{"Target": {"Attribute": "Properties", "Name": each}} for each in properties]
    return {"Action": action, "ResourceType": kind, "LogicalResourceId": name, "Details": details} | more


def nested(name: str, **more: Any) -> dict[str, Any]:
    return change(_STACK, name, PhysicalResourceId=f"arn:{name}", ChangeSetId=name, **more)


def test_changes_inside_nested_stacks_are_listed_and_those_of_a_release_are_counted() -> None:
    inbox = [
        change(_FUNCTION, "PublishEventFunction", "Code", "Description"),
        change("AWS::Lambda::Version", "PublishEventFunctionVersion", Replacement="True"),
        change("AWS::Lambda::Alias", "PublishEventFunctionAlias"),
        change(_FUNCTION, "ListInboxFunction", "Code", "MemorySize"),
        change("AWS::IAM::Role", "GetEventFunctionRole", action="Remove"),
    ]
    mentions = [change(_FUNCTION, "MentionFunction", action="Add")]
    client = CloudFormation(
        {
            "root": {"Changes": [nested("Inbox"), nested("Board"), nested("Mentions", action="Add")]},
            "Inbox": {"Changes": inbox},
            "Board": {"Changes": []},
            "Mentions": {"Changes": mentions},
        }
    )
    assert [line.split() for line in list_changes(client, ROOT)] == [
        ["Modify", _FUNCTION, "Inbox/ListInboxFunction"],
        ["Remove", "AWS::IAM::Role", "Inbox/GetEventFunctionRole"],
        ["Release", "1", _FUNCTION, "Inbox"],
        ["Add", _STACK, "Mentions"],
        ["Add", _FUNCTION, "Mentions/MentionFunction"],
    ]


def test_a_table_that_would_be_replaced_is_said_to_be() -> None:
    table = change("AWS::DynamoDB::Table", "BoardTable", "KeySchema", Replacement="True")
    client = CloudFormation({"root": {"Changes": [nested("Data")]}, "Data": {"Changes": [table]}})
    (line,) = list_changes(client, ROOT)
    assert line.split() == ["Modify", "AWS::DynamoDB::Table", "Data/BoardTable", "(replaced)"]


def test_the_reason_of_a_change_set_that_failed_is_that_of_the_nested_one() -> None:
    failed = {"Status": "FAILED", "StatusReason": "Template format error"}
    root = {"Status": "FAILED", "StatusReason": "Nested change set failed", "Changes": [nested("Inbox")]}
    assert list_refusals(CloudFormation({"root": root, "Inbox": failed}), ROOT) == ["Template format error"]


@pytest.mark.parametrize(
    "reason", ["The submitted information didn't contain changes.", "No updates are to be performed."]
)
def test_a_change_set_without_changes_is_no_failure(reason: str) -> None:
    assert list_refusals(CloudFormation({"root": {"Status": "FAILED", "StatusReason": reason}}), ROOT) == []


def event(name: str, status: str, reason: str = "", stack: str = "", seconds: int = 1) -> dict[str, Any]:
    made = {"LogicalResourceId": name, "ResourceStatus": status, "ResourceStatusReason": reason}
    kind = {"ResourceType": _STACK, "PhysicalResourceId": stack} if stack else {"ResourceType": _FUNCTION}
    return made | kind | {"Timestamp": _NOW + timedelta(seconds=seconds)}


def test_failures_are_those_of_nested_resources_since_the_deployment_began() -> None:
    client = CloudFormation(
        events={
            "arn:root": [
                event("fluxden-t", "UPDATE_ROLLBACK_IN_PROGRESS", "failed", "arn:root"),
                event("Board", "UPDATE_FAILED", "Resource update cancelled", "arn:Board"),
                event("Inbox", "UPDATE_FAILED", "Embedded stack failed", "arn:Inbox"),
                event("Old", "UPDATE_FAILED", "Long ago", seconds=-1),
            ],
            "arn:Inbox": [
                event("fluxden-t-Inbox", "UPDATE_FAILED", "failed", "arn:Inbox"),
                event("PublishEventFunction", "UPDATE_FAILED", "Memory is too small"),
                event("ListInboxFunction", "UPDATE_COMPLETE"),
            ],
        }
    )
    assert list_failures(client, "arn:root", _NOW) == ["  Inbox/PublishEventFunction: Memory is too small"]


def test_a_nested_stack_that_failed_as_a_whole_gives_its_own_reason() -> None:
    client = CloudFormation(
        events={"arn:root": [event("Inbox", "CREATE_FAILED", "TemplateURL is wrong", "arn:Inbox")], "arn:Inbox": []}
    )
    assert list_failures(client, "arn:root", _NOW) == ["  Inbox: TemplateURL is wrong"]
