"""What the services would refuse is found before a deployment."""

import copy
from typing import Any

import pytest

from infra.template.resolved import PARAMETER_SETS
from infra.template.rules import list_violations
from tests.support.template import resolved


@pytest.mark.parametrize("number", range(len(PARAMETER_SETS)))
def test_the_templates_keep_every_rule(number: int) -> None:
    assert list_violations(resolved(number)) == []


def changed(path: str, value: Any) -> list[str]:
    """Return the violations of the templates with one value replaced, or with a member added to a list or mapping.

    `path` is the stack and what follows in its resources.
    """
    stack, *steps, last = path.split("/")
    templates = resolved() | {stack: copy.deepcopy(resolved()[stack])}
    at: Any = templates[stack]["Resources"]
    for step in steps:
        at = at[int(step)] if isinstance(at, list) else at[step]
    at[int(last) if isinstance(at, list) else last] = value
    return list_violations(templates)


_FUNCTION, _TABLE = "Inbox/PublishEventFunction/Properties", "Data/DeliveriesTable/Properties"
_REFERENCE = "{{resolve:secretsmanager:arn:aws:secretsmanager:us-east-1:123456789012:secret:x-AbCdEf:SecretString"
_NAMES = [f"a{number}" for number in range(101)]


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (f"{_FUNCTION}/FunctionName", "f" * 65, "can't be named"),
        (f"{_FUNCTION}/FunctionName", "fluxden-list_inbox", "2 resources of AWS::Lambda::Function are named"),
        (f"{_FUNCTION}/Timeout", 901, "Timeout is 901, allowed are 1 to 900"),
        (f"{_FUNCTION}/MemorySize", 64, "MemorySize is 64"),
        (f"{_FUNCTION}/Environment/Variables/X", "x" * 4096, "the environment has more than 4096 bytes"),
        (f"{_FUNCTION}/Environment/Variables/X", f"{_REFERENCE}::::version}}}}", "a reference to a secret"),
        (f"{_TABLE}/TableName", "no spaces", "can't be named"),
        (f"{_TABLE}/GlobalSecondaryIndexes/0/Projection/NonKeyAttributes", _NAMES[:21], "projects 21 attributes"),
        (f"{_TABLE}/GlobalSecondaryIndexes/0/Projection/NonKeyAttributes", _NAMES, "at most 100"),
        (f"{_TABLE}/KeySchema/0/AttributeName", "other", "not both defined and keys: ['other', 'pk']"),
        ("Data/CallbacksQueue/Properties/QueueName", "q" * 81, "can't be named"),
        ("Data/CallbacksQueue/Properties/VisibilityTimeout", 5, "messages come back after 5 s"),
        ("Data/CallbacksQueue/Properties/VisibilityTimeout", 50_000, "allowed are 0 to 43200"),
        (
            "Inbox/PublishEventFunctionRole/Properties/Policies/0/PolicyDocument/Statement/0/Action",
            _NAMES * 30,
            "inline",
        ),
        ("Gateways/GatewayRolePolicy1/Properties/PolicyDocument/Statement/0/Action", _NAMES * 30, "at most 6144"),
        ("Gateways/GatewayRole/Properties/ManagedPolicyArns", _NAMES[:11], "11 managed policies, at most 10"),
        ("Gateways/RestApi/Properties/Body/paths", {f"/{name}/{name}/b/c": {} for name in _NAMES}, "405 API resources"),
        ("Gateways/RestApiStage/Properties/Variables/LogsBy", "not allowed", "the stage variable LogsBy can't be"),
        ("Data/Not-Alphanumeric", {"Type": "AWS::IAM::Role", "Properties": {}}, "letters and digits only"),
    ],
)
def test_a_template_that_breaks_a_rule_is_refused(path: str, value: Any, line: str) -> None:
    assert any(line in each for each in changed(path, value)), changed(path, value)


def test_a_reference_to_a_secret_with_all_its_parts_is_accepted() -> None:
    for end in ("", ":key", ":key:AWSCURRENT", ":::version"):
        assert changed(f"{_FUNCTION}/Environment/Variables/X", f"{_REFERENCE}{end}}}}}") == []


def test_a_template_that_is_too_large_is_refused() -> None:
    role: dict[str, Any] = {"Type": "AWS::IAM::Role", "Properties": {}}
    many = {"Resources": {f"R{number}": role for number in range(301)}}
    assert list_violations({"Some": many}) == ["Some: 301 resources, at most 300"]
    described = {"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"Description": "x" * 1_000_000}}}}
    assert any("bytes, at most 1000000" in line for line in list_violations({"Some": described}))
    for section in ("Parameters", "Outputs"):
        more = {section: {f"P{number}": {} for number in range(201)}, "Resources": {"R": role}}
        assert list_violations({"Some": more}) == [f"Some: 201 {section.lower()}, at most 200"]


def test_a_name_that_two_stacks_give_is_refused() -> None:
    twin = resolved()["Data"]["Resources"]["BoardTable"]
    assert any("2 resources of AWS::DynamoDB::Table" in each for each in changed("Gateways/OtherTable", twin))
