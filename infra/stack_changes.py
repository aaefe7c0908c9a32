"""What a change set changes and why a deployment failed, in the root stack and in all that it nests."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import takewhile
from typing import Any

from infra.template.stacks import STACK, Templates

# What a release changes: these resources, and these properties of every function.
_OF_VERSIONS = {"AWS::Lambda::Version", "AWS::Lambda::Alias"}
_OF_RELEASE = {"Code", "Description", "Layers"}
# What CloudFormation says about a stack or change set to which nothing happens.
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
# Resources that were in work when another one failed.
_CANCELLED = ("Resource creation cancelled", "Resource update cancelled")


def list_additions(templates: Templates) -> Iterator[str]:
    """Return a line for each stack and type of resource that the first deployment creates."""
    for stack, template in templates.nested.items():
        for kind, count in sorted(Counter(each["Type"] for each in template["Resources"].values()).items()):
            yield _line("Add", f"{count:>4} {kind}", stack)


def list_changes(client: Any, change_set: dict[str, str], stack: str = "") -> Iterator[str]:
    """Return a line for each resource that changes, nested ones included.

    Functions that only get the code of the release are counted, because a release changes them all.
    """
    released = 0
    for change in _changes(client, change_set):
        name, kind = f"{stack}{change['LogicalResourceId']}", change["ResourceType"]
        if kind == STACK and "ChangeSetId" in change:
            if change["Action"] != "Modify":
                yield _line(change["Action"], STACK, name)
            nested = {"StackName": change["PhysicalResourceId"], "ChangeSetName": change["ChangeSetId"]}
            yield from list_changes(client, nested, f"{name}/")
        elif _is_of_release(change):
            released += kind == "AWS::Lambda::Function"
        else:
            replaced = " (replaced)" if change.get("Replacement") == "True" else ""
            yield _line(change["Action"], kind, f"{name}{replaced}")
    if released:
        yield _line("Release", f"{released:>4} AWS::Lambda::Function", stack.removesuffix("/"))


def _is_of_release(change: dict[str, Any]) -> bool:
    """Tell if this is only the new code of a function, or its new version, or the alias that points to it."""
    if change["Action"] != "Modify":
        return False
    properties = {each["Target"].get("Name") for each in change.get("Details", [])}
    return change["ResourceType"] in _OF_VERSIONS or (
        change["ResourceType"] == "AWS::Lambda::Function" and bool(properties) and properties <= _OF_RELEASE
    )


def list_refusals(client: Any, change_set: dict[str, str]) -> list[str]:
    """Return why the change set could not be made; nothing if only nothing would change."""
    about = client.describe_change_set(**change_set)
    nested = [
        reason
        for change in _changes(client, change_set)
        if "ChangeSetId" in change
        for reason in list_refusals(
            client, {"StackName": change["PhysicalResourceId"], "ChangeSetName": change["ChangeSetId"]}
        )
    ]
    own = about.get("StatusReason", "") if about["Status"] == "FAILED" else ""
    # The root only says that a nested one failed; that one says why.
    return nested or [own] * bool(own and not any(each in own for each in _NO_CHANGES))


def list_failures(client: Any, stack_id: str, started: datetime, stack: str = "") -> list[str]:
    """Return a line for each resource that failed since then, nested ones included."""
    lines: list[str] = []
    for each in _events(client, stack_id, started):
        reason, inner = each.get("ResourceStatusReason", ""), each.get("PhysicalResourceId")
        is_own = inner == stack_id
        if is_own or not each["ResourceStatus"].endswith("_FAILED") or reason.startswith(_CANCELLED):
            continue
        name = f"{stack}{each['LogicalResourceId']}"
        nested = list_failures(client, inner, started, f"{name}/") if each["ResourceType"] == STACK and inner else []
        lines += nested or [f"  {name}: {reason}"]
    return lines


def _events(client: Any, stack_id: str, started: datetime) -> Iterator[dict[str, Any]]:
    pages = client.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    # The newest comes first.
    return takewhile(
        lambda each: each["Timestamp"] >= started, (each for page in pages for each in page["StackEvents"])
    )


def _changes(client: Any, change_set: dict[str, str]) -> Iterator[dict[str, Any]]:
    token: dict[str, str] = {}
    while True:
        page = client.describe_change_set(**change_set, **token)
        yield from (each["ResourceChange"] for each in page["Changes"])
        if "NextToken" not in page:
            return
        token = {"NextToken": page["NextToken"]}


def _line(action: str, kind: str, name: str) -> str:
    return f"{action:<8}{kind:<36}{name}"
