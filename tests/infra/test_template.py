"""The deployment templates: every entry point has its own function with exactly its grants."""

import copy
import json
import re
from typing import Any

import pytest

from app import app
from chalicelib.edge.consumer import Consumer
from infra import catalog, queues, tables
from infra.template import settings
from infra.template.build import Mismatch, templates
from infra.template.names import pascal
from infra.template.resolved import PARAMETER_SETS, Unresolved, resolve_all
from infra.template.triggers import GATEWAY_ROLE, SCHEDULER_ROLE
from tests.support import template as support
from tests.support.api import SERVED
from tests.support.template import (
    Function,
    functions,
    made,
    resolve_value,
    resolved,
    resources,
    resources_of_type,
    served_functions,
)

_FUNCTION = "AWS::Lambda::Function"
LARGEST_ROLE, LARGEST_MANAGED = 10_240, 6_144
API = "AWS::ApiGateway::RestApi"

by_function = pytest.mark.parametrize("handler", sorted(functions()))


def definition() -> dict[str, Any]:
    found: dict[str, Any] = resources_of_type(API)["RestApi"]["Body"]
    return found


def test_every_entry_point_has_exactly_one_function() -> None:
    assert len(resources_of_type(_FUNCTION)) == len(functions())
    assert functions().keys() == served_functions().keys()
    assert len(served_functions()) > 90


def test_each_schedule_calls_its_own_function_with_the_one_role_that_may() -> None:
    found = resources_of_type("AWS::Scheduler::Schedule")
    scheduled = list(catalog.schedules(app))
    assert sorted(each["Target"]["Arn"]["Ref"] for each in found.values()) == sorted(
        f"{pascal(each.__name__)}FunctionAlias" for each in scheduled
    )
    assert sorted(resolve_value(each["Name"]) for each in found.values()) == sorted(
        f"fluxden-{each.__name__}" for each in scheduled
    )
    assert [each["Target"]["RoleArn"] for each in found.values()] == [{"Ref": "SchedulerRoleArn"}] * len(found)
    assert made().nested["Gateways"]["Outputs"]["SchedulerRoleArn"] == {
        "Value": {"Fn::GetAtt": [SCHEDULER_ROLE, "Arn"]}
    }
    (policy,) = resources_of_type("AWS::IAM::Role")[SCHEDULER_ROLE]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["lambda:InvokeFunction"]
    assert sorted(resolve_value(arn).rpartition("-")[2] for arn in statement["Resource"]) == sorted(
        f"{each.__name__}:live" for each in scheduled
    )


@pytest.mark.parametrize("change", ["lost", "added"])
def test_a_template_whose_functions_differ_from_the_app_is_an_error(change: str) -> None:
    packaged = copy.deepcopy(support.chalice_template())
    if change == "lost":
        del packaged["Resources"]["PublishEvent"]
    else:
        stray = copy.deepcopy(packaged["Resources"]["PublishEvent"])
        stray["Properties"]["Handler"] = "chalicelib.api.v1.events.nobody"
        packaged["Resources"]["Stray"] = stray
    with pytest.raises(Mismatch, match=r"chalicelib\.api\.v1\.events\."):
        templates(app, packaged, catalog.areas())


def test_each_path_and_method_calls_its_own_function() -> None:
    led = {
        (method.upper(), path): described["x-amazon-apigateway-integration"]
        for path, methods in definition()["paths"].items()
        for method, described in methods.items()
        if described["x-amazon-apigateway-integration"]["type"] == "aws_proxy"
    }
    heads = {path: led.pop((method, path)) for method, path in list(led) if method == "HEAD"}
    assert heads == {path: integration for (method, path), integration in led.items() if method == "GET"}
    assert led.keys() == SERVED.keys()
    for key, integration in led.items():
        assert resolve_value(integration["uri"]).endswith(f":function:fluxden-{SERVED[key].__name__}:live/invocations")
        assert integration["credentials"] == {"Fn::GetAtt": [GATEWAY_ROLE, "Arn"]}


def test_the_gateway_role_allows_exactly_the_functions_behind_the_apis() -> None:
    policies = resources_of_type("AWS::IAM::ManagedPolicy")
    may = {
        resolve_value(arn).rpartition("-")[2]
        for policy in policies.values()
        for statement in policy["PolicyDocument"]["Statement"]
        for arn in statement["Resource"]
        if statement["Action"] == ["lambda:InvokeFunction"]
    }
    called = {route.__name__ for route in SERVED.values()} | {"on_connect", "on_message", "on_disconnect"}
    assert may == {f"{name}:live" for name in called}
    assert resources_of_type("AWS::IAM::Role")[GATEWAY_ROLE]["ManagedPolicyArns"] == [
        {"Ref": name} for name in policies
    ]
    for policy in policies.values():
        assert len(json.dumps(resolve_value(policy["PolicyDocument"]), separators=(",", ":"))) < LARGEST_MANAGED


@by_function
def test_a_role_allows_the_grants_and_its_own_log(handler: str) -> None:
    function, source = functions()[handler], served_functions()[handler]
    expected = set()
    for grant in source.grants:
        name = grant.resource.physical_name
        match grant.action.partition(":")[0]:
            case "dynamodb":
                arns = [f"dynamodb:us-east-1:123456789012:table/{name}" + f"/index/{grant.index}" * bool(grant.index)]
            case "sqs":
                arns = [f"sqs:us-east-1:123456789012:{name}"]
            case "ses":
                arns = [f"ses:us-east-1:123456789012:{kind}/*" for kind in ("identity", "configuration-set")]
            case "secretsmanager":
                arns = ["secretsmanager:us-east-1:123456789012:secret:fluxden/secret-key-AbCdEf"]
            case _:
                api = "execute-api:us-east-1:123456789012:SocketApi/desk"
                arns = [f"{api}/{method}/@connections/*" for method in ("POST", "DELETE")]
        expected |= {(grant.action, f"arn:aws:{arn}") for arn in arns}
    if isinstance(source.source, Consumer):
        polling = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility")
        queue = f"arn:aws:sqs:us-east-1:123456789012:{source.source.queue.physical_name}"
        expected |= {(f"sqs:{action}", queue) for action in polling}
    group = resolve_value({"Fn::GetAtt": [function.properties["LoggingConfig"]["LogGroup"]["Ref"], "Arn"]})
    assert group.endswith("/fluxden/" + source.module.removeprefix("chalicelib.").replace(".", "/"))
    expected |= {(f"logs:{action}", group) for action in ("CreateLogStream", "PutLogEvents")}
    assert function.allowed == expected
    assert not any("*" in action for action, _ in function.allowed)
    assert len(json.dumps(resolve_value(function.policy), separators=(",", ":"))) < LARGEST_ROLE
    assert function.role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}


SENDS_MAIL = {"SendMailFunctionRole"}


def test_no_role_allows_all_resources() -> None:
    for name, role in resources_of_type("AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                stars = [arn for arn in map(resolve_value, statement["Resource"]) if "*" in arn]
                if name == "ReleaseRole":
                    # It moves the aliases of all functions of this desk, and looks at alarms.
                    looks = statement["Action"] == ["cloudwatch:DescribeAlarms"]
                    assert looks or [arn.endswith(":function:fluxden-*") for arn in stars] == [True]
                    continue
                # The connection id is unknown in advance, and operators choose later as whom Amazon SES sends.
                ends = ("/@connections/*", *((":identity/*", ":configuration-set/*") if name in SENDS_MAIL else ()))
                assert all(arn.endswith(ends) for arn in stars), name
        # API Gateway's role for logs.
        assert name == "ApiLogsRole" or "arn:aws" not in json.dumps(role.get("ManagedPolicyArns", []))


@pytest.mark.parametrize(
    ("name", "never"),
    [
        ("get_event", {"dynamodb:DeleteItem:tokens", "sqs:SendMessage:callbacks", "dynamodb:PutItem:tokens"}),
        ("list_inbox", {"dynamodb:PutItem:deliveries", "dynamodb:UpdateItem:deliveries"}),
        ("publish_event", {"dynamodb:PutItem:tokens", "dynamodb:PutItem:directory", "sqs:SendMessage:fan-out"}),
        ("publish_bulk", {"dynamodb:DeleteItem:directory", "dynamodb:UpdateItem:directory"}),
        ("list_keys", {"dynamodb:PutItem:tokens", "dynamodb:DeleteItem:tokens"}),
        ("get_health", {"dynamodb:UpdateItem:tokens"}),
        ("list_contacts", {"dynamodb:PutItem:contacts", "dynamodb:DeleteItem:contacts"}),
        ("fan_out", {"sqs:SendMessage:callbacks", "dynamodb:UpdateItem:tokens"}),
        ("deliver_callback", {"dynamodb:PutItem:tokens", "sqs:SendMessage:fan-out"}),
        ("announce_due_callbacks", {"dynamodb:PutItem:deliveries", "dynamodb:DeleteItem:deliveries"}),
        ("on_disconnect", {"dynamodb:UpdateItem:tokens", "dynamodb:PutItem:sockets"}),
    ],
)
def test_a_function_is_not_allowed(name: str, never: set[str]) -> None:
    function = next(each for each in functions().values() if each.handler.endswith(f".{name}"))
    may = {f"{action}:{re.sub(r'.*[/:]fluxden-', '', arn)}" for action, arn in function.allowed}
    assert not may & never
    for statement in function.policy["Statement"]:
        assert not {action for action in statement["Action"] if re.match(r"(iam|lambda|ssm|s3):", action)}


def test_get_operations_only_write_to_budgets_and_sockets() -> None:
    """GET operations charge their caller, and may store a delivery that a bulk send has announced."""
    writes = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"}
    own = {"tokens", "sockets", "idempotency", "deliveries", "event-types", "peers", "network"}
    for (method, _), route in SERVED.items():
        # Browsers are sent there and back by a provider of identities, which leads to a session.
        if method == "GET" and route.__name__ not in {"start_sign_in", "finish_sign_in"}:
            touched = {each.resource.name for each in route.grants if each.action.partition(":")[2] in writes}
            assert touched <= own, route.__name__


# Whoever can read the key can open every stored secret, so a function that is added here needs a reason.
READ_SECRET_KEY = {
    "add_channel",
    "send_to_chat",
    "send_mail",
    "show_unsubscribe",
    "unsubscribe_from_email",
    "send_to_webhook",
    "create_ingest_token",
    "subscribe_to_push",
    "ingest_by_address",
    "ingest_by_put",
    "approve_instance",
    "ask_for_connection",
    "call_mcp",  # it runs `ask_for_connection` as a tool
    "deliver_callback",
    "deliver_notice",
    "deliver_peer_notice",
    "describe_desk",
    "finish_sign_in",
    "nudge",
    "register_instance",
    "request_connection",
    "send_hub_heartbeats",
    "send_waiting",
}


def test_only_functions_that_seal_or_open_secrets_may_read_the_key() -> None:
    secret = resolve_value({"Ref": "SecretKeyId"})
    readers = {
        handler.rpartition(".")[2]: {action for action, arn in each.allowed if arn == secret}
        for handler, each in functions().items()
        if secret in {arn for _, arn in each.allowed} or "secretsmanager" in json.dumps(each.policy)
    }
    assert readers == {name: {"secretsmanager:GetSecretValue"} for name in READ_SECRET_KEY}
    told = {
        handler.rpartition(".")[2] for handler, each in functions().items() if "SecretKeyId" in str(each.properties)
    }
    assert told == READ_SECRET_KEY


def test_no_environment_contains_the_key_or_lets_cloudformation_insert_it() -> None:
    assert "{{resolve:" not in json.dumps(resources())
    for function in functions().values():
        assert settings.SECRET_KEY not in variables(function)


def variables(function: Function) -> dict[str, Any]:
    found: dict[str, Any] = function.properties["Environment"]["Variables"]
    return found


def test_every_setting_is_a_parameter_that_the_template_uses() -> None:
    more = {"FLUXDEN_QUEUES_URL", *settings.FASTER_START}
    for function in functions().values():
        assert variables(function).keys() - {settings.SECRET_KEY_ID} == settings.SETTINGS.keys() | more
    passed = {
        parameter
        for each in made().root["Resources"].values()
        for parameter, value in each["Properties"]["Parameters"].items()
        if value == {"Ref": parameter}
    }
    assert {each.parameter for each in settings.SETTINGS.values()} <= passed
    assert made().root["Parameters"].keys() == passed


def test_workers_have_their_queue_as_event_source() -> None:
    for source in served_functions().values():
        if not isinstance(source.source, Consumer):
            continue
        definition = next(each for each in queues.DEFINITIONS if each.queue == source.source.queue)
        function = functions()[source.handler].properties
        mapping = resources()[f"{pascal(source.name)}FunctionMessages"]["Properties"]
        assert resolve_value(mapping["EventSourceArn"]).endswith(f":{source.source.queue.physical_name}")
        assert mapping["FunctionName"] == {"Ref": f"{pascal(source.name)}FunctionAlias"}
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["BatchSize"] == source.source.batch_size
        assert definition.visibility_timeout >= 6 * function["Timeout"]


def test_only_a_named_topic_sends_reports_on_mail_to_their_queue() -> None:
    of_worker = "ApplyMailReportFunction"
    arn, topic = "arn:aws:sqs:us-east-1:123456789012:fluxden-mail-reports", PARAMETER_SETS[1]["MailReportsTopic"]
    reach = resolved(1)["Reach"]["Resources"]
    (statement,) = reach[f"{of_worker}TopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    queue = arn.replace("fluxden-", "p" * 24 + "-")
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    subscription = reach[f"{of_worker}Subscription"]["Properties"]
    assert (subscription["TopicArn"], subscription["Endpoint"]) == (topic, queue)
    assert reach[f"{of_worker}Messages"]["Properties"]["Enabled"] is True
    queued = [each for each in reach.values() if each["Type"] == "AWS::SQS::QueuePolicy"]
    assert queued == [reach[f"{of_worker}TopicPolicy"]]


def test_without_a_topic_nothing_reads_its_queue_and_nothing_is_paid_for() -> None:
    found = {name: each for stack in resolved().values() for name, each in stack["Resources"].items()}
    assert made().root["Parameters"]["MailReportsTopic"]["Default"] == ""
    assert found["ApplyMailReportFunctionMessages"]["Properties"]["Enabled"] is False
    assert not {each["Type"] for each in found.values()} & {"AWS::SQS::QueuePolicy", "AWS::SNS::Subscription"}
    alarms = json.dumps([each for each in found.values() if each["Type"] == "AWS::CloudWatch::Alarm"])
    assert "mail-reports" not in alarms and "apply_mail_report" not in alarms
    others = [name for name, each in found.items() if each["Type"] == "AWS::Lambda::EventSourceMapping"]
    assert [name for name in others if found[name]["Properties"].get("Enabled", True)] == [
        name for name in others if name != "ApplyMailReportFunctionMessages"
    ]


@pytest.mark.parametrize(
    "value",
    [
        "mail-reports",
        "arn:aws:sqs:us-east-1:123456789012:mail-reports",
        "arn:aws:sns:us-east-1:123456789012:mail-reports.fifo",
        "arn:aws:sns:us-east-1:123456789012:*",
    ],
)
def test_what_is_no_topic_is_refused_as_one(value: str) -> None:
    with pytest.raises(Unresolved, match="MailReportsTopic does not match"):
        resolve_all(made(), PARAMETER_SETS[0] | {"MailReportsTopic": value})


def test_errors_of_the_gateway_have_the_fields_of_both_contracts() -> None:
    responses = definition()["x-amazon-apigateway-gateway-responses"]
    statuses = {"MISSING_AUTHENTICATION_TOKEN": 404, "REQUEST_TOO_LARGE": 413, "THROTTLED": 429, "DEFAULT_5XX": 503}
    for kind, status in statuses.items():
        body = json.loads(responses[kind]["responseTemplates"]["application/json"])
        assert (responses[kind]["statusCode"], body["status"]) == (str(status), status)
        assert (body["success"], body["error"]) == (False, body["detail"])
        assert body["type"].startswith("https://")
        assert body["requestId"] == "$context.requestId"
        headers = responses[kind]["responseParameters"]
        assert headers["gatewayresponse.header.Cache-Control"] == "'no-store'"
        assert headers["gatewayresponse.header.X-Content-Type-Options"] == "'nosniff'"
        assert headers["gatewayresponse.header.Strict-Transport-Security"] == "'max-age=31536000'"


def test_every_queue_table_and_schedule_has_an_alarm() -> None:
    alarms = json.dumps([resolve_value(each) for each in resources_of_type("AWS::CloudWatch::Alarm").values()])
    for definition in queues.DEFINITIONS:
        for name in (definition.queue.physical_name, definition.queue.dead_letters.physical_name):
            assert f'"{name}"' in alarms
    for definition_of_table in tables.DEFINITIONS:
        assert f'"{definition_of_table.table.physical_name}"' in alarms
    for name, alarm in resources_of_type("AWS::CloudWatch::Alarm").items():
        if name.startswith("Release"):
            continue  # CloudFormation and CodeDeploy look at these
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
        assert len(alarm.get("Metrics", [])) <= 11
    board = json.loads(resources_of_type("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"])
    titles = {each["properties"]["title"] for each in board["widgets"]}
    assert {"Publishes", "Fan-out lag (p99), milliseconds", "Callbacks", "Relays", "Errors", "Dead letters"} <= titles


def test_heartbeats_of_sockets_are_scheduled_only_while_their_parameter_is_1() -> None:
    timer = resources_of_type("AWS::Scheduler::Schedule")["QueueHeartbeatsFunctionTimer"]
    assert timer["State"] == {"Fn::If": ["IsSocketHeartbeatsOn", "ENABLED", "DISABLED"]}
    assert made().root["Parameters"]["SocketHeartbeats"]["Default"] == "0"
    assert made().nested["Live"]["Conditions"]["IsSocketHeartbeatsOn"] == {
        "Fn::Equals": [{"Ref": "SocketHeartbeats"}, "1"]
    }
