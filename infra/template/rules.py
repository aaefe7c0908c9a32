"""What the services refuse in resolved templates: names, sizes and quotas that are known before a deployment."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from infra.template.names import Resources
from infra.template.resolved import NAMES
from infra.template.stacks import MOST_RESOURCES, dump

# CloudFormation's own limits for each stack. Its limit of resources is 500; ours leaves room.
MOST_OUTPUTS, MOST_PARAMETERS, MOST_BYTES = 200, 200, 1_000_000
_NAME_PATTERNS = {
    "AWS::CloudWatch::Alarm": r".{1,255}",
    "AWS::CloudWatch::Dashboard": r"[A-Za-z0-9_-]{1,255}",
    "AWS::CodeDeploy::Application": r".{1,100}",
    "AWS::CodeDeploy::DeploymentGroup": r".{1,100}",
    "AWS::DynamoDB::Table": r"[A-Za-z0-9_.-]{3,255}",
    "AWS::Lambda::Function": r"[A-Za-z0-9_-]{1,64}",
    "AWS::Logs::LogGroup": r"[A-Za-z0-9_./#-]{1,512}",
    "AWS::SNS::Topic": r"[A-Za-z0-9_-]{1,256}",
    "AWS::SQS::Queue": r"[A-Za-z0-9_-]{1,80}",
    "AWS::Scheduler::Schedule": r"[A-Za-z0-9_.-]{1,64}",
}
# (type, property): smallest and largest value.
_RANGES = {
    ("AWS::Lambda::Function", "MemorySize"): (128, 10_240),
    ("AWS::Lambda::Function", "Timeout"): (1, 900),
    ("AWS::Lambda::EventSourceMapping", "BatchSize"): (1, 10),
    ("AWS::SQS::Queue", "VisibilityTimeout"): (0, 43_200),
    ("AWS::SQS::Queue", "MessageRetentionPeriod"): (60, 1_209_600),
}
_MOST_ENVIRONMENT_BYTES = 4096
_MOST_GLOBAL_INDEXES, _MOST_LOCAL_INDEXES = 20, 5
# Projected attributes are counted for each index that names them.
_MOST_PROJECTED_BY_INDEX, _MOST_PROJECTED_BY_TABLE = 20, 100
# In characters, without white space.
_LARGEST_INLINE, _LARGEST_MANAGED, _LARGEST_TRUST, _MOST_ATTACHED = 10_240, 6_144, 2_048, 10
_MOST_API_RESOURCES = 300
_STAGE_VARIABLE = re.compile(r"[A-Za-z0-9._~:/?#&=,-]{1,512}")
_REFERENCE = re.compile(r"\{\{resolve:(.*?)\}\}")
# An ARN has seven parts. Three more are the key in JSON, the stage and the version, each of which may be empty.
_SECRET_REFERENCE = re.compile(
    r"secretsmanager:(?:arn:aws[a-z-]*:secretsmanager:[^:]+:\d{12}:secret:[^:]+|[^:]+)"
    r"(?::SecretString(?::[^:]*){0,3})?"
)


def list_violations(stacks: Mapping[str, dict[str, Any]]) -> list[str]:
    """Return a line for each rule that the resolved templates of a desk break."""
    return [
        *(f"{stack}: {line}" for stack, template in stacks.items() for line in _counts(template)),
        *(f"{stack}: {line}" for stack, template in stacks.items() for line in _of_stack(template["Resources"])),
        *_names([each for template in stacks.values() for each in template["Resources"].values()]),
        *_mappings([each for template in stacks.values() for each in template["Resources"].items()]),
    ]


def _counts(template: dict[str, Any]) -> Iterator[str]:
    limits = {"Resources": MOST_RESOURCES, "Outputs": MOST_OUTPUTS, "Parameters": MOST_PARAMETERS}
    for what, most in limits.items():
        if (count := len(template.get(what, {}))) > most:
            yield f"{count} {what.lower()}, at most {most}"
    if (size := len(dump(template))) > MOST_BYTES:
        yield f"the template has {size} bytes, at most {MOST_BYTES}"


def _of_stack(resources: Resources) -> Iterator[str]:
    for logical_id, each in resources.items():
        if not re.fullmatch(r"[A-Za-z0-9]{1,255}", logical_id):
            yield f"{logical_id}: a logical id has letters and digits only"
        for line in (*_name(each), *_ranges(each), *_references(each), *_of_resource(each)):
            yield f"{logical_id}: {line}"


def _name(resource: dict[str, Any]) -> Iterator[str]:
    if (kind := resource["Type"]) in NAMES:
        name = resource["Properties"][NAMES[kind][0]]
        if not re.fullmatch(_NAME_PATTERNS[kind], name):
            yield f"{kind} can't be named {name}"


def _names(resources: list[dict[str, Any]]) -> Iterator[str]:
    used = Counter(
        (each["Type"], each["Properties"][NAMES[each["Type"]][0]]) for each in resources if each["Type"] in NAMES
    )
    for (kind, name), count in used.items():
        if count > 1:
            yield f"{count} resources of {kind} are named {name}"


def _references(resource: dict[str, Any]) -> Iterator[str]:
    for found in _REFERENCE.findall(json.dumps(resource)):
        if found.startswith("secretsmanager:") and not _SECRET_REFERENCE.fullmatch(found):
            yield f"a reference to a secret has at most the parts key, stage and version: {found}"


def _ranges(resource: dict[str, Any]) -> Iterator[str]:
    for (kind, key), (least, most) in _RANGES.items():
        if kind == resource["Type"] and not least <= (value := resource["Properties"].get(key, least)) <= most:
            yield f"{key} is {value}, allowed are {least} to {most}"


def _of_resource(resource: dict[str, Any]) -> Iterator[str]:
    properties = resource["Properties"]
    match resource["Type"]:
        case "AWS::DynamoDB::Table":
            yield from _of_table(properties)
        case "AWS::Lambda::Function":
            variables = properties.get("Environment", {}).get("Variables", {})
            if len(json.dumps(variables, separators=(",", ":"))) > _MOST_ENVIRONMENT_BYTES:
                yield f"the environment has more than {_MOST_ENVIRONMENT_BYTES} bytes"
        case "AWS::IAM::Role" | "AWS::IAM::ManagedPolicy":
            yield from _of_policies(properties)
        case "AWS::ApiGateway::RestApi":
            if (count := len(_api_resources(properties["Body"]))) > _MOST_API_RESOURCES:
                yield f"{count} API resources, at most {_MOST_API_RESOURCES}"
        case "AWS::ApiGateway::Stage":
            for key, value in properties.get("Variables", {}).items():
                if not _STAGE_VARIABLE.fullmatch(value):
                    yield f"the stage variable {key} can't be {value}"


def _of_table(properties: dict[str, Any]) -> Iterator[str]:
    both = properties.get("GlobalSecondaryIndexes", []), properties.get("LocalSecondaryIndexes", [])
    for indexes, most in zip(both, (_MOST_GLOBAL_INDEXES, _MOST_LOCAL_INDEXES), strict=True):
        if len(indexes) > most:
            yield f"{len(indexes)} indexes of a kind, at most {most}"
    all_indexes = [*both[0], *both[1]]
    projected = {each["IndexName"]: len(each["Projection"].get("NonKeyAttributes", [])) for each in all_indexes}
    for index, count in projected.items():
        if count > _MOST_PROJECTED_BY_INDEX:
            yield f"index {index} projects {count} attributes, at most {_MOST_PROJECTED_BY_INDEX}"
    if (total := sum(projected.values())) > _MOST_PROJECTED_BY_TABLE:
        yield f"indexes project {total} attributes, at most {_MOST_PROJECTED_BY_TABLE}"
    keys = {key["AttributeName"] for each in (properties, *all_indexes) for key in each["KeySchema"]}
    if different := keys ^ {each["AttributeName"] for each in properties["AttributeDefinitions"]}:
        yield f"not both defined and keys: {sorted(different)}"


def _of_policies(properties: dict[str, Any]) -> Iterator[str]:
    def size(document: Any) -> int:
        return len(re.sub(r"\s", "", json.dumps(document)))

    if (inline := sum(size(each["PolicyDocument"]) for each in properties.get("Policies", []))) > _LARGEST_INLINE:
        yield f"inline policies have {inline} characters, at most {_LARGEST_INLINE}"
    if (managed := size(properties.get("PolicyDocument", {}))) > _LARGEST_MANAGED:
        yield f"the policy has {managed} characters, at most {_LARGEST_MANAGED}"
    if (trust := size(properties.get("AssumeRolePolicyDocument", {}))) > _LARGEST_TRUST:
        yield f"the trust policy has {trust} characters, at most {_LARGEST_TRUST}"
    if (attached := len(properties.get("ManagedPolicyArns", []))) > _MOST_ATTACHED:
        yield f"{attached} managed policies, at most {_MOST_ATTACHED}"


def _api_resources(body: dict[str, Any]) -> set[str]:
    """Return each part of a path that is a resource of the API, `/` included."""
    return {"/".join(path.split("/")[: end + 1]) for path in body["paths"] for end in range(path.count("/") + 1)}


def _mappings(resources: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    """Lambda refuses a queue whose messages come back before the function's time is over."""
    named = {
        (each["Type"], each["Properties"][NAMES[each["Type"]][0]]): each["Properties"]
        for _, each in resources
        if each["Type"] in ("AWS::Lambda::Function", "AWS::SQS::Queue")
    }
    for name, each in resources:
        if each["Type"] == "AWS::Lambda::EventSourceMapping":
            queue = named.get(("AWS::SQS::Queue", each["Properties"]["EventSourceArn"].rpartition(":")[2]))
            # The ARN of an alias: its last part but one is the function.
            function = named.get(("AWS::Lambda::Function", each["Properties"]["FunctionName"].split(":")[-2]))
            if queue is None or function is None:
                yield f"{name}: its queue or its function is in no template"
            elif (back := queue["VisibilityTimeout"]) < (timeout := function["Timeout"]):
                yield f"{name}: messages come back after {back} s, the function has {timeout} s"
