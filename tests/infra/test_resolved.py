"""The template as CloudFormation resolves it."""

from typing import Any

import pytest

from infra.template import settings
from infra.template.resolved import PARAMETER_SETS, Unresolved, resolve, resolve_all
from infra.template.stacks import Part, Unknown, nest
from tests.support.template import made
from tests.support.template import resolved as resolved_stacks

_TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::Sub": "${Prefix}-alarms"}}}
_PARAMETERS: dict[str, Any] = {
    "CodeBucket": {"Type": "String", "Default": "code"},
    "SecretKeyId": {"Type": "String", "Default": "none"},
    "Prefix": {"Type": "String", "Default": "fluxden", "AllowedPattern": "[a-z]+"},
    "Mail": {"Type": "String", "Default": ""},
}


def resolved(properties: dict[str, Any], parameters: dict[str, str] | None = None, **more: Any) -> Any:
    """Return the resource `Some` with these properties as it is resolved; None if it is not made."""
    some = {"Type": "AWS::SNS::Subscription", "Properties": properties, **more}
    conditions = {"HasMail": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Mail"}, ""]}]}}
    template = {"Parameters": _PARAMETERS, "Conditions": conditions, "Resources": {"Topic": _TOPIC, "Some": some}}
    return resolve(template | {"Outputs": {}}, parameters or {})["Resources"].get("Some")


def test_parameters_and_references_are_replaced_by_their_values() -> None:
    properties = {"TopicArn": {"Ref": "Topic"}, "Text": {"Fn::Sub": "${Prefix} ${AWS::Region} ${Topic.Arn} ${!Kept}"}}
    arn = "arn:aws:sns:us-east-1:123456789012:mine-alarms"
    assert resolved(properties, {"Prefix": "mine"})["Properties"] == {
        "TopicArn": arn,
        "Text": f"mine us-east-1 {arn} ${{!Kept}}",
    }


def test_conditions_decide_values_and_resources() -> None:
    either = {"Fn::If": ["HasMail", {"Ref": "Mail"}, {"Ref": "AWS::NoValue"}]}
    assert resolved({"Endpoint": either})["Properties"] == {}
    assert resolved({"Endpoint": either}, {"Mail": "a@example.com"})["Properties"] == {"Endpoint": "a@example.com"}
    assert resolved({}, Condition="HasMail") is None
    assert resolved({}, {"Mail": "a@example.com"}, Condition="HasMail") is not None


@pytest.mark.parametrize(
    ("properties", "parameters"),
    [
        ({"Text": {"Fn::Sub": "${Missing}"}}, {}),
        ({"Text": {"Ref": "Missing"}}, {}),
        ({"Text": {"Fn::GetAtt": ["Missing", "Arn"]}}, {}),
        ({"Text": {"Fn::Nothing": []}}, {}),
        ({}, {"Prefix": "NOT ALLOWED"}),
        ({}, {"Undeclared": "1"}),
    ],
)
def test_what_the_service_could_not_resolve_is_an_error(properties: dict[str, Any], parameters: dict[str, str]) -> None:
    with pytest.raises(Unresolved):
        resolved(properties, parameters)


def test_a_nested_stack_gets_the_values_that_the_root_passes_and_the_outputs_of_others() -> None:
    topic = {"Topic": _TOPIC}
    some = {"Some": {"Type": "AWS::SNS::Subscription", "Properties": {"TopicArn": {"Ref": "TopicArn"}}}}
    parts = {"First": Part(topic, {"TopicArn": {"Ref": "Topic"}}), "Second": Part(some, {})}
    found = resolve_all(nest(parts, _PARAMETERS, {}), {"Prefix": "mine"})
    arn = "arn:aws:sns:us-east-1:123456789012:mine-alarms"
    assert found["Second"]["Resources"]["Some"]["Properties"] == {"TopicArn": arn}
    assert found["Root"]["Resources"]["Second"]["Properties"]["Parameters"] == {"TopicArn": arn}


def test_a_stack_that_refers_to_what_no_stack_has_is_an_error() -> None:
    some = {"Some": {"Type": "AWS::SNS::Subscription", "Properties": {"TopicArn": {"Ref": "Missing"}}}}
    with pytest.raises(Unknown, match="First refers to Missing"):
        nest({"First": Part(some, {})}, _PARAMETERS, {})


def test_both_sets_of_parameters_resolve_every_template_and_turn_every_condition_around() -> None:
    assert not any(
        "Fn::" in str(each) or "'Ref'" in str(each) for number in (0, 1) for each in resolved_stacks(number).values()
    )
    conditions = {name for each in made().nested.values() for name in each.get("Conditions", ())}
    assert conditions == settings.conditions().keys()
    probes = {
        name: {"Type": "AWS::SNS::Topic", "Condition": name, "Properties": {"TopicName": "x"}} for name in conditions
    }
    template = {"Parameters": settings.parameters(), "Conditions": settings.conditions(), "Resources": probes}
    found = [resolve(template, each)["Resources"].keys() for each in PARAMETER_SETS]
    assert found[0] ^ found[1] == conditions
