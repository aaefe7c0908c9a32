"""What a change set changes and why a deployment failed, in the root stack and in all that it nests."""

from collections.abc import Iterator
from datetime import datetime
from itertools import takewhile
from typing import Any

from infra.template.stacks import STACK, Templates

# What CloudFormation says about a stack or change set to which nothing happens.
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
# Resources that were in work when another one failed.
_CANCELLED = ("Resource creation cancelled", "Resource update cancelled")


def list_additions(templates: Templates) -> Iterator[str]:
    """Return a line for each resource that the first deployment creates."""
    for stack, template in templates.nested.items():
        for name, each in template["Resources"].items():
            yield _line("Add", each["Type"], f"{stack}/{name}")


def list_changes(client: Any, change_set: dict[str, str], stack: str = "") -> Iterator[str]:
    """Return a line for each resource that changes, nested ones included."""
    for change in _changes(client, change_set):
        name = f"{stack}{change['LogicalResourceId']}"
        if change["ResourceType"] == STACK and "ChangeSetId" in change:
            if change["Action"] != "Modify":
                yield _line(change["Action"], STACK, name)
            nested = {"StackName": change["PhysicalResourceId"], "ChangeSetName": change["ChangeSetId"]}
            yield from list_changes(client, nested, f"{name}/")
        else:
            replaced = " (replaced)" if change.get("Replacement") == "True" else ""
            yield _line(change["Action"], change["ResourceType"], f"{name}{replaced}")


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
