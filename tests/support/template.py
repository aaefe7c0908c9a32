"""The deployment templates as `make package` builds them (without the zip), and the functions in them."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from app import app
from infra import catalog
from infra.template import chalice_app
from infra.template.build import templates
from infra.template.entry_points import EntryPoint, list_entry_points
from infra.template.resolved import PARAMETER_SETS, resolve_all
from infra.template.stacks import Templates

REGION, ACCOUNT = "us-east-1", "123456789012"
PREFIX = "fluxden"
_PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com",
    "Prefix": PREFIX,
    "SecretKeyId": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{PREFIX}/secret-key-AbCdEf",
}


@cache
def chalice_template() -> dict[str, Any]:
    """Return the template that `chalice package` makes of the app."""
    return chalice_app.chalice_template(app)


@cache
def made() -> Templates:
    return templates(app, chalice_template(), catalog.areas())


@cache
def resources() -> dict[str, Any]:
    """Return the resources of all nested stacks."""
    return made().list_resources()


@cache
def resolved(number: int = 0) -> dict[str, dict[str, Any]]:
    """Return all templates as CloudFormation resolves them, with one of the sets of parameters."""
    return resolve_all(made(), PARAMETER_SETS[number])


@cache
def served_functions() -> dict[str, EntryPoint]:
    """Return every function of the app by its handler."""
    return {each.handler: each for each in list_entry_points(app)}


def resources_of_type(kind: str) -> dict[str, Any]:
    """Return the properties of the resources of one type by logical id."""
    return {name: each["Properties"] for name, each in resources().items() if each["Type"] == kind}


@dataclass(frozen=True)
class Function:
    """A function of the template."""

    properties: dict[str, Any]

    @property
    def handler(self) -> str:
        return str(self.properties["Handler"])

    @property
    def policy(self) -> dict[str, Any]:
        (policy,) = self.role["Policies"]
        found: dict[str, Any] = policy["PolicyDocument"]
        return found

    @property
    def role(self) -> dict[str, Any]:
        (logical_id, _) = self.properties["Role"]["Fn::GetAtt"]
        found: dict[str, Any] = resources()[logical_id]["Properties"]
        return found

    @property
    def allowed(self) -> set[tuple[str, str]]:
        """Return every (action, ARN) that the function's role allows."""
        return {
            (action, arn)
            for each in self.policy["Statement"]
            for action in each["Action"]
            for arn in map(resolve_value, each["Resource"])
        }


@cache
def functions() -> dict[str, Function]:
    """Return every function of the template by its handler."""
    found = map(Function, resources_of_type("AWS::Lambda::Function").values())
    return {each.handler: each for each in found}


@cache
def functions_by_alias() -> dict[str, Function]:
    """Return every function by the ARN of its alias, which is what its callers name."""
    found = {}
    for alias in resources_of_type("AWS::Lambda::Alias").values():
        function = Function(resources()[alias["FunctionName"]["Ref"]]["Properties"])
        name = f"{resolve_value(function.properties['FunctionName'])}:{alias['Name']}"
        found[f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"] = function
    return found


@cache
def called_by(role: str) -> set[str]:
    """Return the ARN of every alias or function that a role may call by its managed policies."""
    policies = [
        resources()[each["Ref"]]["Properties"]["PolicyDocument"]
        for each in resources()[role]["Properties"]["ManagedPolicyArns"]
    ]
    return {
        resolve_value(arn)
        for policy in policies
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow" and "lambda:InvokeFunction" in statement["Action"]
        for arn in statement["Resource"]
    }


def resolve_value(value: Any) -> Any:
    """Return a value of the template as CloudFormation resolves it, with the default prefix."""
    match value:
        case {"Ref": name}:
            return _PSEUDO.get(name, name)
        case {"Fn::GetAtt": [logical_id, "Arn"]}:
            return _arn(logical_id)
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)\}", lambda found: _named(found[1]), text)
        case dict():
            return {name: resolve_value(each) for name, each in value.items()}
        case list():
            return [resolve_value(each) for each in value]
    return value


def _named(name: str) -> str:
    logical_id, _, attribute = name.partition(".")
    return _arn(logical_id) if attribute == "Arn" else _PSEUDO.get(name, name)


def _arn(logical_id: str) -> str:
    resource = resources()[logical_id]
    names = {
        "AWS::DynamoDB::Table": ("TableName", "dynamodb", "table/"),
        "AWS::SQS::Queue": ("QueueName", "sqs", ""),
        "AWS::Logs::LogGroup": ("LogGroupName", "logs", "log-group:"),
    }
    if resource["Type"] not in names:
        return f"arn:{logical_id}"
    member, service, kind = names[resource["Type"]]
    name = resolve_value(resource["Properties"][member])
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}{name}"
