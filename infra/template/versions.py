"""Published versions of functions, the alias that callers use, and how calls move from one version to the next."""

from typing import Any

from chalicelib.edge.route import Route
from chalicelib.edge.socket import SocketRoute
from infra.target import Target
from infra.template.entry_points import EntryPoint
from infra.template.names import (
    ALIAS,
    DEPENDENCIES_ARN,
    RELEASE_ROLE_ARN,
    Resources,
    alias_id,
    arn_of,
    function_id,
    function_name,
    ref,
    resource,
    sub,
)
from infra.template.policies import allow, policy, trust
from infra.template.release_alarms import RELEASE_ALARMS

DEPENDENCIES, RELEASE_ROLE = "Dependencies", "ReleaseRole"
SHIFTS_TRAFFIC, MOVES_SLOWLY, USES_SNAP_START = "ShiftsTraffic", "MovesSlowly", "UsesSnapStart"
_APPLICATION = sub("${Prefix}")


def versioned(entry_point: EntryPoint) -> Resources:
    """Return the function's version and alias, and the group by which CodeDeploy moves its traffic."""
    name = function_id(entry_point)
    group = function_name(entry_point)
    shifted = {"CodeDeployLambdaAliasUpdate": {"ApplicationName": _APPLICATION, "DeploymentGroupName": group}}
    return {
        # A version never changes. Another description is another version; each release describes its versions.
        f"{name}Version": resource("AWS::Lambda::Version", {"FunctionName": ref(name), "Description": ref("Release")}),
        alias_id(entry_point): resource(
            "AWS::Lambda::Alias",
            {
                "Name": ALIAS,
                "FunctionName": ref(name),
                "FunctionVersion": {"Fn::GetAtt": [f"{name}Version", "Version"]},
            },
            UpdatePolicy={"Fn::If": [MOVES_SLOWLY, shifted, ref("AWS::NoValue")]},
        ),
        f"{name}Traffic": resource(
            "AWS::CodeDeploy::DeploymentGroup",
            {
                "ApplicationName": _APPLICATION,
                "DeploymentGroupName": group,
                "ServiceRoleArn": ref(RELEASE_ROLE_ARN),
                "DeploymentConfigName": sub("CodeDeployDefault.Lambda${Traffic}"),
                "DeploymentStyle": {"DeploymentType": "BLUE_GREEN", "DeploymentOption": "WITH_TRAFFIC_CONTROL"},
                "AlarmConfiguration": {
                    "Enabled": True,
                    "Alarms": [{"Name": sub(f"${{Prefix}}-{each}")} for each in RELEASE_ALARMS],
                },
                "AutoRollbackConfiguration": {
                    "Enabled": True,
                    "Events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"],
                },
            },
            Condition=SHIFTS_TRAFFIC,
        ),
    }


def start(entry_point: EntryPoint) -> dict[str, Any]:
    """Return how a function starts: from a snapshot, if the desk uses them and somebody waits for the function."""
    if not isinstance(entry_point.source, Route | SocketRoute):
        return {}
    return {"SnapStart": {"ApplyOn": {"Fn::If": [USES_SNAP_START, "PublishedVersions", "None"]}}}


def shared(target: Target) -> Resources:
    """Return the layer with the functions' dependencies, and what CodeDeploy needs to move traffic."""
    # `Prefix` and a wildcard, because the names of all functions would be too many for a policy.
    functions = sub("arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${Prefix}-*")
    moves = allow(["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"], [functions])
    document = policy([moves, allow(["cloudwatch:DescribeAlarms"], ["*"])])
    return {
        DEPENDENCIES: resource(
            "AWS::Lambda::LayerVersion",
            {
                "LayerName": sub("${Prefix}-dependencies"),
                "Content": {"S3Bucket": ref("CodeBucket"), "S3Key": ref("LayerKey")},
                "CompatibleRuntimes": [target.runtime],
                "CompatibleArchitectures": [target.architecture],
            },
        ),
        "Releases": resource(
            "AWS::CodeDeploy::Application", {"ApplicationName": _APPLICATION, "ComputePlatform": "Lambda"}
        ),
        RELEASE_ROLE: resource(
            "AWS::IAM::Role",
            {
                "AssumeRolePolicyDocument": trust("codedeploy.amazonaws.com"),
                "Policies": [{"PolicyName": "traffic", "PolicyDocument": document}],
            },
        ),
    }


def outputs() -> dict[str, Any]:
    """Return what the stacks of functions are given."""
    return {DEPENDENCIES_ARN: ref(DEPENDENCIES), RELEASE_ROLE_ARN: arn_of(RELEASE_ROLE)}
