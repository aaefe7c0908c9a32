"""What the services refuse in a resolved template: names, sizes and quotas that are known before a deployment."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from infra.template.resolved import NAMES

Resources = dict[str, dict[str, Any]]

# CloudFormation's own limits.
MOST_RESOURCES, MOST_OUTPUTS, MOST_BYTES = 500, 200, 1_000_000
_NAME_PATTERNS = {
    "AWS::CloudWatch::Alarm": r".{1,255}",
    "AWS::CloudWatch::Dashboard": r"[A-Za-z0-9_-]{1,255}",
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


def list_violations(template: dict[str, Any]) -> list[str]:
    """Return a line for each rule that the resolved template breaks."""
    resources: Resources = template["Resources"]
    return [
        *_counts(template),
        *_names(resources),
        *_references(resources),
        *(line for name, each in resources.items() for line in _ranges(name, each)),
        *(f"{name}: {line}" for name, each in resources.items() for line in _of_resource(each)),
        *_mappings(resources),
    ]


def _counts(template: dict[str, Any]) -> Iterator[str]:
    for what, most in (("Resources", MOST_RESOURCES), ("Outputs", MOST_OUTPUTS)):
        if (count := len(template.get(what, {}))) > most:
            yield f"{count} {what.lower()}, at most {most}"
    if (size := len(json.dumps(template, separators=(",", ":")))) > MOST_BYTES:
        yield f"the template has {size} bytes, at most {MOST_BYTES}"


def _names(resources: Resources) -> Iterator[str]:
    used: Counter[tuple[str, str]] = Counter()
    for logical_id, each in resources.items():
        if not re.fullmatch(r"[A-Za-z0-9]{1,255}", logical_id):
            yield f"{logical_id}: a logical id has letters and digits only"
        if each["Type"] not in NAMES:
            continue
        name = each["Properties"][NAMES[each["Type"]][0]]
        used[each["Type"], name] += 1
        if not re.fullmatch(_NAME_PATTERNS[each["Type"]], name):
            yield f"{logical_id}: {each['Type']} can't be named {name}"
    for (kind, name), count in used.items():
        if count > 1:
            yield f"{count} resources of {kind} are named {name}"


def _references(resources: Resources) -> Iterator[str]:
    for logical_id, each in resources.items():
        for found in _REFERENCE.findall(json.dumps(each)):
            if found.startswith("secretsmanager:") and not _SECRET_REFERENCE.fullmatch(found):
                yield f"{logical_id}: a reference to a secret has at most the parts key, stage and version: {found}"


def _ranges(name: str, resource: dict[str, Any]) -> Iterator[str]:
    for (kind, key), (least, most) in _RANGES.items():
        if kind == resource["Type"] and not least <= (value := resource["Properties"].get(key, least)) <= most:
            yield f"{name}: {key} is {value}, allowed are {least} to {most}"


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


def _mappings(resources: Resources) -> Iterator[str]:
    """Lambda refuses a queue whose messages come back before the function's time is over."""
    named = {
        each["Properties"][NAMES[each["Type"]][0]]: each["Properties"]
        for each in resources.values()
        if each["Type"] in ("AWS::Lambda::Function", "AWS::SQS::Queue")
    }
    for name, each in resources.items():
        if each["Type"] == "AWS::Lambda::EventSourceMapping":
            queue = named.get(each["Properties"]["EventSourceArn"].rpartition(":")[2])
            function = named.get(each["Properties"]["FunctionName"])
            if queue is None or function is None:
                yield f"{name}: its queue or its function is not in the template"
            elif (back := queue["VisibilityTimeout"]) < (timeout := function["Timeout"]):
                yield f"{name}: messages come back after {back} s, the function has {timeout} s"
