"""Resolve templates as CloudFormation does: parameters, conditions, `Fn::Sub`, references, nested stacks."""

import re
from collections.abc import Mapping
from typing import Any

from infra.template.stacks import STACK, Templates

REGION, ACCOUNT = "us-east-1", "123456789012"
_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": "fluxden-prod",
    "AWS::URLSuffix": "amazonaws.com",
}
_NOTHING = "AWS::NoValue"
# Types with a physical name: the property that has it, and the form of their ARN.
NAMES = {
    "AWS::CloudWatch::Alarm": ("AlarmName", "cloudwatch", "alarm:"),
    "AWS::CodeDeploy::Application": ("ApplicationName", "codedeploy", "application:"),
    "AWS::CodeDeploy::DeploymentGroup": ("DeploymentGroupName", "codedeploy", "deploymentgroup:"),
    "AWS::CloudWatch::Dashboard": ("DashboardName", "cloudwatch", "dashboard/"),
    "AWS::DynamoDB::Table": ("TableName", "dynamodb", "table/"),
    "AWS::Lambda::Function": ("FunctionName", "lambda", "function:"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs", "log-group:"),
    "AWS::SNS::Topic": ("TopicName", "sns", ""),
    "AWS::SQS::Queue": ("QueueName", "sqs", ""),
    "AWS::Scheduler::Schedule": ("Name", "scheduler", "schedule/default/"),
}
_REQUIRED = {
    "CodeBucket": f"fluxden-code-{ACCOUNT}-{REGION}",
    "CodeKey": f"fluxden-prod/{'0' * 64}.zip",
    "LayerKey": f"fluxden-prod/{'1' * 64}.zip",
    "Release": "0" * 16,
    "SecretKeyId": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:fluxden-prod/secret-key-AbCdEf",
}
# Values that make names longest and turn every condition around.
_OTHERS = {
    "AlarmEmail": "operators@example.com",
    "BaseUrl": "https://desk.example.com",
    "MailReportsTopic": f"arn:aws:sns:{REGION}:{ACCOUNT}:mail-reports",
    "Prefix": "p" * 24,
    "ProtectTables": "no",
    "ReservedForPublishing": "0",
    "ReservedForStreams": "0",
    "ReservedForWorkers": "0",
    "SetAccountLogging": "no",
    "SnapStart": "yes",
    "SocketHeartbeats": "1",
    "SocketUrl": "wss://live.desk.example.com",
    "SocketsUrl": f"https://abcdefghij.execute-api.{REGION}.amazonaws.com/desk",
    "Tracing": "1",
    "Traffic": "Canary10Percent5Minutes",
}
PARAMETER_SETS = (_REQUIRED, _REQUIRED | _OTHERS)


class Unresolved(Exception):
    """The service could not resolve the template."""


ROOT = "Root"


def resolve_all(templates: Templates, parameters: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return the templates of all stacks as `resolve` does: the root as "Root", the others by logical id.

    Raises:
        Unresolved: as `resolve`, or a stack is not given a value.
    """
    root = _Resolver(templates.root, parameters, templates.nested)
    return {ROOT: root.template()} | {name: root.nested(name).template() for name in templates.nested}


def resolve(template: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
    """Return the template with every parameter, condition, reference and `Fn::Sub` replaced by its value.

    Raises:
        Unresolved: a parameter has no value or one that is not allowed, or a name refers to nothing.
    """
    return _Resolver(template, parameters, {}).template()


class _Resolver:
    def __init__(
        self, template: dict[str, Any], parameters: dict[str, str], nested: Mapping[str, dict[str, Any]]
    ) -> None:
        self._template, self._nested = template, nested
        self._resources: dict[str, Any] = template["Resources"]
        self._outputs: dict[str, Any] = template.get("Outputs", {})
        declared = template.get("Parameters", {})
        if unknown := parameters.keys() - declared.keys():
            raise Unresolved(f"not declared: {sorted(unknown)}")
        self._values = {name: _value(name, each, parameters) for name, each in declared.items()} | _PSEUDO

    def template(self) -> dict[str, Any]:
        resources = {
            name: self._resolved({key: value for key, value in each.items() if key != "Condition"})
            for name, each in self._resources.items()
            if "Condition" not in each or self._holds(each["Condition"])
        }
        outputs = {name: {"Value": self.output(name)} for name in self._outputs}
        return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources, "Outputs": outputs}

    def nested(self, name: str) -> "_Resolver":
        """Return the resolver of a nested stack, with the parameters that this one passes."""
        properties = self._require(name)["Properties"]
        return _Resolver(self._nested[name], self._resolved(properties["Parameters"]), {})

    def output(self, name: str) -> Any:
        if name not in self._outputs:
            raise Unresolved(f"{name} is not an output")
        return self._resolved(self._outputs[name]["Value"])

    def _holds(self, condition: str) -> bool:
        return bool(self._resolved(self._template["Conditions"][condition]))

    def _resolved(self, value: Any) -> Any:
        match value:
            case {"Ref": name}:
                return self._named(name)
            case {"Fn::GetAtt": [logical_id, attribute]}:
                return self._attribute(logical_id, attribute)
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([^!}][^}]*)\}", lambda found: str(self._substituted(found[1])), text)
            case {"Fn::If": [condition, one, other]}:
                return self._resolved(one if self._holds(condition) else other)
            case dict() if any(key.startswith("Fn::") for key in value):
                return self._decided(value)
            case dict():
                found = {key: self._resolved(each) for key, each in value.items()}
                return {key: each for key, each in found.items() if each != _NOTHING}
            case list():
                return [each for each in map(self._resolved, value) if each != _NOTHING]
        return value

    def _decided(self, value: dict[str, Any]) -> bool:
        match value:
            case {"Fn::Equals": [one, other]}:
                return bool(self._resolved(one) == self._resolved(other))
            case {"Fn::Not": [inner]}:
                return not self._resolved(inner)
            case {"Fn::And": list(inner)}:
                return all(map(self._resolved, inner))
        raise Unresolved(f"unknown function: {value}")

    def _substituted(self, name: str) -> Any:
        logical_id, dot, attribute = name.partition(".")
        return self._attribute(logical_id, attribute) if dot else self._named(name)

    def _named(self, name: str) -> Any:
        if name == _NOTHING or name in self._values:
            return self._values.get(name, name)
        kind = self._require(name)["Type"]
        if kind == "AWS::SNS::Topic":
            return self._attribute(name, "Arn")
        if kind == "AWS::Lambda::Alias":
            alias = self._require(name)["Properties"]
            return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self._resolved(alias['FunctionName'])}:{alias['Name']}"
        if kind == "AWS::Lambda::LayerVersion":
            return f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:{name}:1"
        if kind == "AWS::IAM::ManagedPolicy":
            return f"arn:aws:iam::{ACCOUNT}:policy/fluxden-prod-{name}"
        # Ids that the service gives, such as those of APIs, have ten characters.
        return (
            self._resolved(self._resources[name]["Properties"][NAMES[kind][0]]) if kind in NAMES else name.lower()[:10]
        )

    def _attribute(self, logical_id: str, attribute: str) -> str:
        resource = self._require(logical_id)
        if (resource["Type"], attribute) == ("AWS::Lambda::Version", "Version"):
            return "1"
        if resource["Type"] == STACK:
            return str(self.nested(logical_id).output(attribute.removeprefix("Outputs.")))
        if attribute != "Arn" or resource["Type"] not in NAMES:
            return f"arn:aws:iam::{ACCOUNT}:role/fluxden-prod-{logical_id}" if attribute == "Arn" else logical_id
        key, service, kind = NAMES[resource["Type"]]
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}{self._resolved(resource['Properties'][key])}"

    def _require(self, logical_id: str) -> dict[str, Any]:
        if logical_id not in self._resources:
            raise Unresolved(f"{logical_id} is neither a parameter nor a resource")
        found: dict[str, Any] = self._resources[logical_id]
        return found


def _value(name: str, declared: dict[str, Any], given: dict[str, str]) -> Any:
    value = given.get(name, declared.get("Default"))
    if value is None:
        raise Unresolved(f"parameter {name} has no value")
    if "AllowedPattern" in declared and not re.fullmatch(declared["AllowedPattern"], str(value)):
        raise Unresolved(f"parameter {name} does not match its pattern: {value}")
    if "AllowedValues" in declared and value not in declared["AllowedValues"]:
        raise Unresolved(f"parameter {name} is none of its values: {value}")
    return value
