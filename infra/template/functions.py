"""The functions with their roles and log groups."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from chalicelib.edge.consumer import Consumer
from chalicelib.edge.route import Route
from chalicelib.edge.schedule import Schedule
from chalicelib.edge.socket import SocketRoute
from chalicelib.parallel import chunks
from infra.template import settings
from infra.template.entry_points import EntryPoint, queue_definition
from infra.template.names import (
    Resources,
    arn_of,
    function_arn,
    function_id,
    function_name,
    grant_arns,
    pascal,
    queue_id,
    ref,
    resource,
    sub,
)

GATEWAY_ROLE = "GatewayRole"
SCHEDULER_ROLE = "SchedulerRole"
_IS_TRACED = settings.SETTINGS["FLUXDEN_TRACING"].is_on
_TRACING_POLICY = "arn:${AWS::Partition}:iam::aws:policy/AWSXRayDaemonWriteAccess"

# This many ARNs fit into the 6,144 characters of a managed policy.
_ARNS_A_POLICY = 40


def functions(entry_points: Iterable[EntryPoint], runtime: dict[str, Any]) -> Resources:
    """Return the functions, their roles and log groups. `runtime` has Runtime and Architectures."""
    made: Resources = {}
    found = list(entry_points)
    audited = {each.module for each in found if isinstance(each.source, Route) and each.source.operator_only}
    for each in found:
        made[function_id(each)] = _function(each, runtime)
        made[f"{function_id(each)}Role"] = _role(each)
        days = "AuditDays" if each.module in audited else "LogDays"
        made.setdefault(_log_group_id(each), _log_group(each, days))
    return made


def gateway_role(entry_points: Iterable[EntryPoint]) -> Resources:
    """Return the role with which both APIs call their functions. It names each function."""
    called = [each for each in entry_points if isinstance(each.source, Route | SocketRoute)]
    made: Resources = {}
    for number, some in enumerate(chunks(called, _ARNS_A_POLICY), 1):
        arns = [sub(function_arn(each)) for each in some]
        made[f"{GATEWAY_ROLE}Policy{number}"] = resource(
            "AWS::IAM::ManagedPolicy", {"PolicyDocument": _policy([_allow(["lambda:InvokeFunction"], arns)])}
        )
    trusted = _trust("apigateway.amazonaws.com")
    made[GATEWAY_ROLE] = resource(
        "AWS::IAM::Role", {"AssumeRolePolicyDocument": trusted, "ManagedPolicyArns": [ref(each) for each in made]}
    )
    return made


def scheduler_role(entry_points: Iterable[EntryPoint]) -> Resources:
    """Return the role with which EventBridge Scheduler calls the scheduled functions. It names each function."""
    arns = [sub(function_arn(each)) for each in entry_points if isinstance(each.source, Schedule)]
    policy = _policy([_allow(["lambda:InvokeFunction"], arns)])
    return {
        SCHEDULER_ROLE: resource(
            "AWS::IAM::Role",
            {
                "AssumeRolePolicyDocument": _trust("scheduler.amazonaws.com"),
                "Policies": [{"PolicyName": "schedules", "PolicyDocument": policy}],
            },
        )
    }


def _function(entry_point: EntryPoint, runtime: dict[str, Any]) -> dict[str, Any]:
    properties = {
        "FunctionName": function_name(entry_point),
        "Handler": entry_point.handler,
        **runtime,
        "CodeUri": {"Bucket": ref("CodeBucket"), "Key": ref("CodeKey")},
        "MemorySize": entry_point.memory,
        "Timeout": entry_point.timeout,
        "Role": arn_of(f"{function_id(entry_point)}Role"),
        "LoggingConfig": {
            "LogGroup": ref(_log_group_id(entry_point)),
            "LogFormat": "JSON",
            "ApplicationLogLevel": "INFO",
            "SystemLogLevel": "WARN",
        },
        "Tracing": {"Fn::If": [_IS_TRACED, "Active", "PassThrough"]},
        "Environment": {"Variables": settings.environment() | settings.secrets(entry_point.grants)},
    }
    if events := _events(entry_point):
        properties["Events"] = events
    return resource("AWS::Serverless::Function", properties)


def _events(entry_point: EntryPoint) -> dict[str, Any]:
    match entry_point.source:
        case Consumer() as worker:
            mapping = {
                "Queue": arn_of(queue_id(worker.queue)),
                "BatchSize": worker.batch_size,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "ScalingConfig": {"MaximumConcurrency": queue_definition(worker).concurrency},
            }
            return {"Messages": {"Type": "SQS", "Properties": mapping}}
        case Schedule() as schedule:
            rate = f"rate({schedule.minutes} minute{'' if schedule.minutes == 1 else 's'})"
            properties: dict[str, Any] = {
                # Names are unique in an account, which can have several desks.
                "Name": function_name(entry_point),
                "ScheduleExpression": rate,
                "RoleArn": arn_of(SCHEDULER_ROLE),
            }
            if schedule.setting:
                properties["State"] = {
                    "Fn::If": [settings.SETTINGS[schedule.setting].is_on, "ENABLED", "DISABLED"],
                }
            # With one role for all, a schedule needs no permission of its own, which would be another resource.
            return {"Timer": {"Type": "ScheduleV2", "Properties": properties}}
    return {}


def _role(entry_point: EntryPoint) -> dict[str, Any]:
    return resource(
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": _trust("lambda.amazonaws.com"),
            "Policies": [{"PolicyName": "function", "PolicyDocument": _policy(statements(entry_point))}],
            "ManagedPolicyArns": {"Fn::If": [_IS_TRACED, [sub(_TRACING_POLICY)], ref("AWS::NoValue")]},
        },
    )


def statements(entry_point: EntryPoint) -> list[dict[str, Any]]:
    """Return the policy of a function: its grants, polling of its queue, and its logs."""
    actions: dict[Any, set[str]] = defaultdict(set)
    for grant in entry_point.grants:
        actions[grant.resource, grant.index].add(grant.action)
    examples = {(each.resource, each.index): each for each in entry_point.grants}
    allowed = [_allow(sorted(found), grant_arns(examples[place])) for place, found in actions.items()]
    if isinstance(entry_point.source, Consumer):
        polling = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        allowed.append(_allow(polling, [arn_of(queue_id(entry_point.source.queue))]))
    logs = [{"Fn::GetAtt": [_log_group_id(entry_point), "Arn"]}]
    return [*allowed, _allow(["logs:CreateLogStream", "logs:PutLogEvents"], logs)]


def _log_group_id(entry_point: EntryPoint) -> str:
    return f"{pascal(entry_point.module.removeprefix('chalicelib.'))}Logs"


def _log_group(entry_point: EntryPoint, days: str) -> dict[str, Any]:
    # One for each module, because a group for each function would exceed the limit of resources.
    name = sub(f"/${{Prefix}}/{entry_point.module.removeprefix('chalicelib.').replace('.', '/')}")
    return resource("AWS::Logs::LogGroup", {"LogGroupName": name, "RetentionInDays": ref(days)})


def _allow(actions: list[str], arns: list[Any]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": arns}


def _policy(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _trust(service: str) -> dict[str, Any]:
    return _policy([{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}])
