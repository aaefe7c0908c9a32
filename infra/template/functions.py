"""The functions with their roles, log groups, and what calls them."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from chalicelib.edge.consumer import Consumer
from chalicelib.edge.route import Route
from infra.target import Target
from infra.template import settings
from infra.template.concurrency import reserved
from infra.template.entry_points import EntryPoint
from infra.template.names import (
    DEPENDENCIES_ARN,
    Resources,
    arn_of,
    function_id,
    function_name,
    grant_arns,
    pascal,
    queue_arn,
    ref,
    resource,
    sub,
)
from infra.template.policies import allow, policy, trust
from infra.template.triggers import triggers
from infra.template.versions import start, versioned

_IS_TRACED = settings.SETTINGS["FLUXDEN_TRACING"].is_on
_TRACING_POLICY = "arn:${AWS::Partition}:iam::aws:policy/AWSXRayDaemonWriteAccess"


def functions(entry_points: Iterable[EntryPoint], target: Target) -> Resources:
    """Return the functions with their versions, roles, triggers and log groups."""
    made: Resources = {}
    found = list(entry_points)
    audited = {each.module for each in found if isinstance(each.source, Route) and each.source.audits}
    for each in found:
        made[function_id(each)] = _function(each, target)
        made[f"{function_id(each)}Role"] = _role(each)
        made |= versioned(each) | triggers(each)
        days = "AuditDays" if each.module in audited else "LogDays"
        made.setdefault(_log_group_id(each), _log_group(each, days))
    return made


def _function(entry_point: EntryPoint, target: Target) -> dict[str, Any]:
    properties = {
        "FunctionName": function_name(entry_point),
        "Handler": entry_point.handler,
        "Runtime": target.runtime,
        "Architectures": [target.architecture],
        # Each release publishes a version, and Lambda publishes none of a function that is what it was.
        "Description": sub("Release ${Release}"),
        "Code": {"S3Bucket": ref("CodeBucket"), "S3Key": ref("CodeKey")},
        "Layers": [ref(DEPENDENCIES_ARN)],
        "MemorySize": entry_point.memory,
        "Timeout": entry_point.timeout,
        **reserved(entry_point),
        "Role": arn_of(f"{function_id(entry_point)}Role"),
        "LoggingConfig": {
            "LogGroup": ref(_log_group_id(entry_point)),
            "LogFormat": "JSON",
            "ApplicationLogLevel": "INFO",
            # With the line about duration, memory and start of each run.
            "SystemLogLevel": "INFO",
        },
        **start(entry_point),
        "TracingConfig": {"Mode": {"Fn::If": [_IS_TRACED, "Active", "PassThrough"]}},
        "Environment": {"Variables": settings.environment() | settings.secrets(entry_point.grants)},
    }
    return resource("AWS::Lambda::Function", properties)


def _role(entry_point: EntryPoint) -> dict[str, Any]:
    return resource(
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": trust("lambda.amazonaws.com"),
            "Policies": [{"PolicyName": "function", "PolicyDocument": policy(statements(entry_point))}],
            "ManagedPolicyArns": {"Fn::If": [_IS_TRACED, [sub(_TRACING_POLICY)], ref("AWS::NoValue")]},
        },
    )


def statements(entry_point: EntryPoint) -> list[dict[str, Any]]:
    """Return the policy of a function: its grants, polling of its queue, and its logs."""
    actions: dict[Any, set[str]] = defaultdict(set)
    for grant in entry_point.grants:
        actions[grant.resource, grant.index].add(grant.action)
    examples = {(each.resource, each.index): each for each in entry_point.grants}
    allowed = [allow(sorted(found), grant_arns(examples[place])) for place, found in actions.items()]
    if isinstance(entry_point.source, Consumer):
        polling = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        allowed.append(allow(polling, [queue_arn(entry_point.source.queue)]))
    logs = [{"Fn::GetAtt": [_log_group_id(entry_point), "Arn"]}]
    return [*allowed, allow(["logs:CreateLogStream", "logs:PutLogEvents"], logs)]


def _log_group_id(entry_point: EntryPoint) -> str:
    return f"{pascal(entry_point.module.removeprefix('chalicelib.'))}Logs"


def _log_group(entry_point: EntryPoint, days: str) -> dict[str, Any]:
    # One for each module: fewer groups to search, and the functions of a module log alike.
    name = sub(f"/${{Prefix}}/{entry_point.module.removeprefix('chalicelib.').replace('.', '/')}")
    return resource("AWS::Logs::LogGroup", {"LogGroupName": name, "RetentionInDays": ref(days)})
