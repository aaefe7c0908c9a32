"""Functions, each with a role of its own, and the log groups they write to."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from chalicelib.edge.consumer import Consumer
from chalicelib.edge.route import Route
from chalicelib.edge.schedule import Schedule
from chalicelib.edge.socket import SocketRoute
from chalicelib.parallel import chunks
from infra.template import settings
from infra.template.names import (
    Resources,
    arn_of,
    function_arn,
    function_id,
    function_name,
    granted,
    pascal,
    queue_id,
    ref,
    resource,
    sub,
)
from infra.template.served import Served, definition_of

INVOKER = "GatewayRole"

# So many ARNs fit the 6,144 characters of a managed policy.
_ARNS_A_POLICY = 40


def functions(served: Iterable[Served], runtime: dict[str, Any]) -> Resources:
    """The functions with all that each has for itself; they run on `runtime` (Runtime, Architectures)."""
    made: Resources = {}
    for each in served:
        made[function_id(each)] = _function(each, runtime)
        made[f"{function_id(each)}Role"] = _role(each)
        made.setdefault(_log_group_id(each), _log_group(each))
    return made


def gateway_role(served: Iterable[Served]) -> Resources:
    """The role by which both APIs call functions: those that serve them, one by one."""
    called = [each for each in served if isinstance(each.of, Route | SocketRoute)]
    made: Resources = {}
    for number, some in enumerate(chunks(called, _ARNS_A_POLICY), 1):
        arns = [sub(function_arn(each)) for each in some]
        made[f"{INVOKER}Policy{number}"] = resource(
            "AWS::IAM::ManagedPolicy", {"PolicyDocument": _policy([_allow(["lambda:InvokeFunction"], arns)])}
        )
    trusted = _trust("apigateway.amazonaws.com")
    made[INVOKER] = resource(
        "AWS::IAM::Role", {"AssumeRolePolicyDocument": trusted, "ManagedPolicyArns": [ref(each) for each in made]}
    )
    return made


def _function(served: Served, runtime: dict[str, Any]) -> dict[str, Any]:
    properties = {
        "FunctionName": function_name(served),
        "Handler": served.handler,
        **runtime,
        "CodeUri": {"Bucket": ref("CodeBucket"), "Key": ref("CodeKey")},
        "MemorySize": served.memory,
        "Timeout": served.timeout,
        "Role": arn_of(f"{function_id(served)}Role"),
        "LoggingConfig": {
            "LogGroup": ref(_log_group_id(served)),
            "LogFormat": "JSON",
            "ApplicationLogLevel": "INFO",
            "SystemLogLevel": "WARN",
        },
        "Environment": {"Variables": settings.environment() | settings.secrets(served.module)},
    }
    if events := _events(served):
        properties["Events"] = events
    return resource("AWS::Serverless::Function", properties)


def _events(served: Served) -> dict[str, Any]:
    match served.of:
        case Consumer() as worker:
            mapping = {
                "Queue": arn_of(queue_id(worker.queue)),
                "BatchSize": worker.batch_size,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "ScalingConfig": {"MaximumConcurrency": definition_of(worker).concurrency},
            }
            return {"Messages": {"Type": "SQS", "Properties": mapping}}
        case Schedule() as schedule:
            rate = f"rate({schedule.minutes} minute{'' if schedule.minutes == 1 else 's'})"
            return {"Rate": {"Type": "Schedule", "Properties": {"Schedule": rate}}}
    return {}


def _role(served: Served) -> dict[str, Any]:
    return resource(
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": _trust("lambda.amazonaws.com"),
            "Policies": [{"PolicyName": "function", "PolicyDocument": _policy(statements(served))}],
        },
    )


def statements(served: Served) -> list[dict[str, Any]]:
    """All that the function may do: what it declares, what Lambda does on its behalf, and its own logs."""
    actions: dict[Any, set[str]] = defaultdict(set)
    for grant in served.grants:
        actions[grant.resource, grant.index].add(grant.action)
    examples = {(each.resource, each.index): each for each in served.grants}
    allowed = [_allow(sorted(found), granted(examples[place])) for place, found in actions.items()]
    if isinstance(served.of, Consumer):
        polling = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        allowed.append(_allow(polling, [arn_of(queue_id(served.of.queue))]))
    logs = [{"Fn::GetAtt": [_log_group_id(served), "Arn"]}]
    return [*allowed, _allow(["logs:CreateLogStream", "logs:PutLogEvents"], logs)]


def _log_group_id(served: Served) -> str:
    return f"{pascal(served.module.removeprefix('chalicelib.'))}Logs"


def _log_group(served: Served) -> dict[str, Any]:
    # One for each module: its functions belong together, and hundreds of groups would not fit a stack.
    name = sub(f"/${{Prefix}}/{served.module.removeprefix('chalicelib.').replace('.', '/')}")
    return resource("AWS::Logs::LogGroup", {"LogGroupName": name, "RetentionInDays": ref("LogDays")})


def _allow(actions: list[str], arns: list[Any]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": arns}


def _policy(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _trust(service: str) -> dict[str, Any]:
    return _policy([{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}])
