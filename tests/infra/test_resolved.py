"""The template as CloudFormation resolves it."""

from typing import Any

import pytest

from infra.template.resolved import PARAMETER_SETS, Unresolved, resolve
from tests.support.template import cloudformation_template

_TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::Sub": "${Prefix}-alarms"}}}
_PARAMETERS = {
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


def test_both_sets_of_parameters_resolve_the_template_and_turn_every_condition_around() -> None:
    template = cloudformation_template()
    first, second = (resolve(template, each) for each in PARAMETER_SETS)
    assert all("Fn::" not in str(each) and "'Ref'" not in str(each) for each in (first, second))
    names = template["Conditions"]
    probes = {name: {"Type": "AWS::SNS::Topic", "Condition": name, "Properties": {"TopicName": "x"}} for name in names}
    with_probes = template | {"Resources": template["Resources"] | probes}
    found = [resolve(with_probes, each)["Resources"].keys() & probes.keys() for each in PARAMETER_SETS]
    assert found[0] ^ found[1] == probes.keys()
