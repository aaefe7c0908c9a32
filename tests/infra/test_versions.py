"""Every caller reaches a published version through the alias, and a release can move calls to it and back."""

import json

import pytest

from chalicelib.edge.route import Route
from chalicelib.edge.socket import SocketRoute
from infra.template.names import ALIAS, function_id
from infra.template.release_alarms import RELEASE_ALARMS
from tests.support.template import made, resolved, resources, resources_of_type, served_functions

pytestmark = pytest.mark.engine("embedded")


def test_each_function_has_a_version_of_the_release_and_an_alias_to_it() -> None:
    for each in served_functions().values():
        name = function_id(each)
        version, alias = (resources()[f"{name}{kind}"]["Properties"] for kind in ("Version", "Alias"))
        assert version == {"FunctionName": {"Ref": name}, "Description": {"Ref": "Release"}}
        assert alias["FunctionVersion"] == {"Fn::GetAtt": [f"{name}Version", "Version"]}
        # Without a change of the function itself, Lambda would publish no version.
        assert "${Release}" in resources()[name]["Properties"]["Description"]["Fn::Sub"]


def test_nothing_calls_a_function_except_by_its_alias() -> None:
    """A call by another name would reach what is deployed and not yet released."""
    called = 0
    for stack in resolved(1).values():
        for name, each in stack["Resources"].items():
            if each["Type"] in ("AWS::Lambda::Version", "AWS::Lambda::Alias", "AWS::Lambda::Function"):
                continue
            for part in json.dumps(each).split(":function:")[1:]:
                target = part.split('"')[0].removesuffix("/invocations")
                if not target.endswith("-*"):  # what CodeDeploy may move
                    assert target.endswith(f":{ALIAS}"), (name, target)
                    called += 1
    assert called > 2 * len(served_functions())


def test_calls_move_as_the_parameter_says_and_back_if_an_alarm_of_the_release_is_raised() -> None:
    at_once, slowly = (
        {name: each for stack in resolved(number).values() for name, each in stack["Resources"].items()}
        for number in (0, 1)
    )
    assert not [name for name, each in at_once.items() if each["Type"] == "AWS::CodeDeploy::DeploymentGroup"]
    alarms = {
        each["AlarmName"]
        for each in resources_of_type("AWS::CloudWatch::Alarm").values()
        for each in [each | {"AlarmName": each["AlarmName"]["Fn::Sub"].removeprefix("${Prefix}-")}]
    }
    assert set(RELEASE_ALARMS) <= alarms
    assert len(RELEASE_ALARMS) <= 5, "CloudFormation watches at most five"
    for each in served_functions().values():
        name = function_id(each)
        assert "UpdatePolicy" not in at_once[f"{name}Alias"]
        group = slowly[f"{name}Traffic"]["Properties"]
        policy = slowly[f"{name}Alias"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        assert policy == {key: group[key] for key in ("ApplicationName", "DeploymentGroupName")}
        assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
        watched = [each["Name"].removeprefix("p" * 24 + "-") for each in group["AlarmConfiguration"]["Alarms"]]
        assert watched == list(RELEASE_ALARMS)
        assert group["AutoRollbackConfiguration"]["Events"] == ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]


def test_snapshots_are_for_functions_that_somebody_waits_for_while_their_parameter_says_so() -> None:
    for number, applied in ((0, "None"), (1, "PublishedVersions")):
        found = {name: each for stack in resolved(number).values() for name, each in stack["Resources"].items()}
        for each in served_functions().values():
            start = found[function_id(each)]["Properties"].get("SnapStart")
            is_waited_for = isinstance(each.source, Route | SocketRoute)
            assert start == ({"ApplyOn": applied} if is_waited_for else None)


def test_all_functions_share_one_layer() -> None:
    (layer,) = resources_of_type("AWS::Lambda::LayerVersion").values()
    assert layer["Content"] == {"S3Bucket": {"Ref": "CodeBucket"}, "S3Key": {"Ref": "LayerKey"}}
    for function in resources_of_type("AWS::Lambda::Function").values():
        assert function["Layers"] == [{"Ref": "DependenciesArn"}]
        assert function["Architectures"] == layer["CompatibleArchitectures"]
        assert [function["Runtime"]] == layer["CompatibleRuntimes"]
    assert made().nested["Gateways"]["Outputs"]["DependenciesArn"] == {"Value": {"Ref": "Dependencies"}}
