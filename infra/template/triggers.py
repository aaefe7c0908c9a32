"""What calls functions: queues, schedules, and the roles of both APIs and of the scheduler."""

from collections.abc import Iterable
from typing import Any

from chalicelib.edge.consumer import Consumer
from chalicelib.edge.route import Route
from chalicelib.edge.schedule import Schedule
from chalicelib.edge.socket import SocketRoute
from chalicelib.parallel import chunks
from infra.queues import Definition
from infra.template import settings
from infra.template.concurrency import batches
from infra.template.entry_points import EntryPoint, queue_definition
from infra.template.names import (
    SCHEDULER_ROLE_ARN,
    Resources,
    alias_arn,
    alias_id,
    function_id,
    function_name,
    has,
    queue_arn,
    queue_url,
    ref,
    resource,
    sub,
)
from infra.template.policies import allow, policy, trust

GATEWAY_ROLE = "GatewayRole"
SCHEDULER_ROLE = "SchedulerRole"

# This many ARNs fit into the 6,144 characters of a managed policy.
_ARNS_A_POLICY = 40
# A role has this many managed policies at most. What is left over is in the role itself, which has room for 10,240
# characters.
_MOST_POLICIES = 10


def triggers(entry_point: EntryPoint) -> Resources:
    """Return what calls a worker or a scheduled function; nothing for the functions behind the APIs."""
    match entry_point.source:
        case Consumer() as worker:
            made = {f"{function_id(entry_point)}Messages": _mapping(entry_point, worker)}
            return made | _subscription(entry_point, queue_definition(worker))
        case Schedule() as schedule:
            return {f"{function_id(entry_point)}Timer": _timer(entry_point, schedule)}
    return {}


def _mapping(entry_point: EntryPoint, worker: Consumer) -> dict[str, Any]:
    topic = queue_definition(worker).topic
    return resource(
        "AWS::Lambda::EventSourceMapping",
        {
            # Lambda asks for messages all the time, which is paid for.
            **({"Enabled": {"Fn::If": [has(topic), True, False]}} if topic else {}),
            "EventSourceArn": queue_arn(worker.queue),
            "FunctionName": ref(alias_id(entry_point)),
            "BatchSize": worker.batch_size,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": batches(worker)},
        },
    )


def _subscription(entry_point: EntryPoint, definition: Definition) -> Resources:
    """Return what lets the topic that sends to a queue do so, and nobody else outside of this account."""
    if not definition.topic:
        return {}
    topic, queue, rule = ref(definition.topic), definition.queue, f"{function_id(entry_point)}TopicPolicy"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn(queue),
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return {
        rule: resource(
            "AWS::SQS::QueuePolicy",
            {"Queues": [queue_url(queue)], "PolicyDocument": policy([statement])},
            Condition=has(definition.topic),
        ),
        f"{function_id(entry_point)}Subscription": resource(
            "AWS::SNS::Subscription",
            # In the envelope of SNS: not everything that is published is JSON.
            {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue_arn(queue), "RawMessageDelivery": False},
            Condition=has(definition.topic),
            # What the queue does not let in yet would be lost.
            DependsOn=[rule],
        ),
    }


def _timer(entry_point: EntryPoint, schedule: Schedule) -> dict[str, Any]:
    properties: dict[str, Any] = {
        # Names are unique in an account, which can have several desks.
        "Name": function_name(entry_point),
        "ScheduleExpression": f"rate({schedule.minutes} minute{'' if schedule.minutes == 1 else 's'})",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        # With one role for all, a schedule needs no permission of its own, which would be another resource.
        "Target": {"Arn": ref(alias_id(entry_point)), "RoleArn": ref(SCHEDULER_ROLE_ARN)},
    }
    if schedule.setting:
        properties["State"] = {"Fn::If": [settings.SETTINGS[schedule.setting].is_on, "ENABLED", "DISABLED"]}
    return resource("AWS::Scheduler::Schedule", properties)


def gateway_role(entry_points: Iterable[EntryPoint]) -> Resources:
    """Return the role with which both APIs call their functions. It names each function."""
    called = [each for each in entry_points if isinstance(each.source, Route | SocketRoute)]
    made: Resources = {}
    for number, some in enumerate(chunks(called[: _ARNS_A_POLICY * _MOST_POLICIES], _ARNS_A_POLICY), 1):
        made[f"{GATEWAY_ROLE}Policy{number}"] = resource("AWS::IAM::ManagedPolicy", {"PolicyDocument": _may_call(some)})
    left = called[_ARNS_A_POLICY * _MOST_POLICIES :]
    made[GATEWAY_ROLE] = resource(
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": trust("apigateway.amazonaws.com"),
            "ManagedPolicyArns": [ref(each) for each in made],
            **({"Policies": [{"PolicyName": "functions", "PolicyDocument": _may_call(left)}]} if left else {}),
        },
    )
    return made


def _may_call(entry_points: Iterable[EntryPoint]) -> dict[str, Any]:
    return policy([allow(["lambda:InvokeFunction"], [sub(alias_arn(each)) for each in entry_points])])


def scheduler_role(entry_points: Iterable[EntryPoint]) -> Resources:
    """Return the role with which EventBridge Scheduler calls the scheduled functions. It names each function."""
    arns = [sub(alias_arn(each)) for each in entry_points if isinstance(each.source, Schedule)]
    schedules = {"PolicyName": "schedules", "PolicyDocument": policy([allow(["lambda:InvokeFunction"], arns)])}
    return {
        SCHEDULER_ROLE: resource(
            "AWS::IAM::Role",
            {"AssumeRolePolicyDocument": trust("scheduler.amazonaws.com"), "Policies": [schedules]},
        )
    }
