"""The deployment's template: every operation has a function of its own, which may do what it declares and no more."""

import copy
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from click.testing import CliRunner
from moto import mock_aws
from moto.cloudformation.models import ChangeSet
from moto.cloudformation.parsing import OutputMap

from app import app
from chalicelib.edge.consumer import Consumer
from chalicelib.edge.route import Route
from infra import deploy, queues, tables
from infra.template import settings
from infra.template.build import Mismatch, template
from infra.template.functions import GATEWAY_ROLE
from infra.template.names import pascal, table_id
from tests.support import template as support
from tests.support.api import SERVED
from tests.support.template import (
    Function,
    cloudformation_template,
    functions,
    made,
    resolve_value,
    resources_of_type,
    served_functions,
)

_FUNCTION = "AWS::Serverless::Function"
# What CloudFormation allows, less what is to be left for what is yet to come.
MOST_RESOURCES, MOST_BYTES = 500 - 40, 1_000_000 * 0.9
LARGEST_ROLE, LARGEST_MANAGED = 10_240, 6_144
API = "AWS::Serverless::Api"

by_function = pytest.mark.parametrize("handler", sorted(functions()))


def definition() -> dict[str, Any]:
    found: dict[str, Any] = resources_of_type(API)["RestApi"]["DefinitionBody"]
    return found


def test_every_route_worker_schedule_and_socket_has_one_function_and_no_function_is_anything_else() -> None:
    assert len(resources_of_type(_FUNCTION)) == len(functions())
    assert functions().keys() == served_functions().keys()
    assert len(served_functions()) > 90


@pytest.mark.parametrize("change", ["lost", "added"])
def test_a_template_in_which_the_app_and_its_functions_differ_is_not_made(change: str) -> None:
    packaged = copy.deepcopy(support.chalice_template())
    if change == "lost":
        del packaged["Resources"]["PublishEvent"]
    else:
        stray = copy.deepcopy(packaged["Resources"]["PublishEvent"])
        stray["Properties"]["Handler"] = "chalicelib.api.v1.events.nobody"
        packaged["Resources"]["Stray"] = stray
    with pytest.raises(Mismatch, match=r"chalicelib\.api\.v1\.events\."):
        template(app, packaged)


def test_each_path_and_method_leads_to_its_own_operation() -> None:
    led = {
        (method.upper(), path): described["x-amazon-apigateway-integration"]
        for path, methods in definition()["paths"].items()
        for method, described in methods.items()
        if described["x-amazon-apigateway-integration"]["type"] == "aws_proxy"
    }
    assert led.keys() == SERVED.keys()
    for key, integration in led.items():
        assert resolve_value(integration["uri"]).endswith(f":function:fluxden-{SERVED[key].__name__}/invocations")
        assert integration["credentials"] == {"Fn::GetAtt": [GATEWAY_ROLE, "Arn"]}


def test_the_gateways_may_call_exactly_what_they_lead_to() -> None:
    policies = resources_of_type("AWS::IAM::ManagedPolicy")
    may = {
        resolve_value(arn).rpartition("-")[2]
        for policy in policies.values()
        for statement in policy["PolicyDocument"]["Statement"]
        for arn in statement["Resource"]
        if statement["Action"] == ["lambda:InvokeFunction"]
    }
    assert may == {route.__name__ for route in SERVED.values()} | {"on_connect", "on_message", "on_disconnect"}
    assert resources_of_type("AWS::IAM::Role")[GATEWAY_ROLE]["ManagedPolicyArns"] == [
        {"Ref": name} for name in policies
    ]
    for policy in policies.values():
        assert len(json.dumps(resolve_value(policy["PolicyDocument"]), separators=(",", ":"))) < LARGEST_MANAGED


@by_function
def test_a_function_may_do_what_it_declares_and_write_its_own_log(handler: str) -> None:
    function, source = functions()[handler], served_functions()[handler]
    expected = set()
    for grant in source.grants:
        name = grant.resource.physical_name
        match grant.action.partition(":")[0]:
            case "dynamodb":
                arns = [f"dynamodb:us-east-1:123456789012:table/{name}" + f"/index/{grant.index}" * bool(grant.index)]
            case "sqs":
                arns = [f"sqs:us-east-1:123456789012:{name}"]
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


def test_nothing_is_allowed_on_everything() -> None:
    for name, role in resources_of_type("AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                stars = [arn for arn in map(resolve_value, statement["Resource"]) if "*" in arn]
                # Which connection it will be, nobody can know beforehand.
                assert all(arn.endswith("/@connections/*") for arn in stars), name
        # API Gateway's own, to write logs with.
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
def test_a_function_may_not(name: str, never: set[str]) -> None:
    function = next(each for each in functions().values() if each.handler.endswith(f".{name}"))
    may = {f"{action}:{re.sub(r'.*[/:]fluxden-', '', arn)}" for action, arn in function.allowed}
    assert not may & never
    for statement in function.policy["Statement"]:
        assert not {
            action for action in statement["Action"] if re.match(r"(iam|lambda|ssm|secretsmanager|s3):", action)
        }


def test_what_is_read_only_writes_to_no_table_but_budgets_and_sockets() -> None:
    """GET operations charge their caller, and may make what a bulk call has promised; else they change nothing."""
    writes = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"}
    own = {"tokens", "sockets", "idempotency", "deliveries", "event-types", "peers", "network"}
    for (method, _), route in SERVED.items():
        if method == "GET":
            touched = {each.resource.name for each in route.grants if each.action.partition(":")[2] in writes}
            assert touched <= own, route.__name__


def test_only_who_opens_or_seals_secrets_is_given_the_key_and_nobody_can_read_it_in_the_template() -> None:
    told = {handler for handler, each in functions().items() if settings.SECRET_KEY in variables(each)}
    assert "chalicelib.queues.callbacks.deliver_callback" in told
    assert "chalicelib.api.v2.federation.register_instance" in told
    assert not told & {"chalicelib.api.v1.events.publish_event", "chalicelib.api.v1.inbox.list_inbox"}
    for handler in told:
        reference = variables(functions()[handler])[settings.SECRET_KEY]
        assert reference["Fn::Sub"].startswith("{{resolve:secretsmanager:${SecretKeyId}:SecretString:")


def variables(function: Function) -> dict[str, Any]:
    found: dict[str, Any] = function.properties["Environment"]["Variables"]
    return found


def test_every_setting_is_a_parameter_that_the_template_uses() -> None:
    more = {"FLUXDEN_QUEUES_URL", *settings.FASTER_START}
    for function in functions().values():
        assert variables(function).keys() - {settings.SECRET_KEY} == settings.SETTINGS.keys() | more
    referred = set(re.findall(r'"Ref": "(\w+)"', json.dumps(made()["Resources"] | made()["Conditions"])))
    assert {each.parameter for each in settings.SETTINGS.values()} <= referred


def test_the_template_stays_within_cloudformations_limits() -> None:
    for document in (made(), cloudformation_template()):
        assert len(json.dumps(document, separators=(",", ":"))) < MOST_BYTES
    assert len(cloudformation_template()["Resources"]) <= MOST_RESOURCES
    names = [resolve_value(each["FunctionName"]) for each in resources_of_type(_FUNCTION).values()]
    longest = 24 - len("fluxden")  # of prefixes
    assert max(map(len, names)) + longest <= 64


def test_workers_get_messages_as_their_queue_is_defined_and_say_which_failed() -> None:
    for source in served_functions().values():
        if not isinstance(source.source, Consumer):
            continue
        definition = next(each for each in queues.DEFINITIONS if each.queue == source.source.queue)
        function = functions()[source.handler].properties
        (mapping,) = (each["Properties"] for each in function["Events"].values())
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["BatchSize"] == source.source.batch_size
        assert 2 <= mapping["ScalingConfig"]["MaximumConcurrency"] <= 1000
        assert definition.visibility_timeout >= 6 * function["Timeout"]


def test_the_gateway_refuses_in_both_contracts_shapes() -> None:
    responses = definition()["x-amazon-apigateway-gateway-responses"]
    statuses = {"MISSING_AUTHENTICATION_TOKEN": 404, "REQUEST_TOO_LARGE": 413, "THROTTLED": 429, "DEFAULT_5XX": 503}
    for kind, status in statuses.items():
        body = json.loads(responses[kind]["responseTemplates"]["application/json"])
        assert (responses[kind]["statusCode"], body["status"]) == (str(status), status)
        assert (body["success"], body["error"]) == (False, body["detail"])
        assert body["type"].startswith("https://")
        assert body["requestId"] == "$context.requestId"


def test_every_queue_table_and_schedule_is_watched() -> None:
    alarms = json.dumps([resolve_value(each) for each in resources_of_type("AWS::CloudWatch::Alarm").values()])
    for definition in queues.DEFINITIONS:
        for name in (definition.queue.physical_name, definition.queue.dead_letters.physical_name):
            assert f'"{name}"' in alarms
    for definition_of_table in tables.DEFINITIONS:
        assert f'"{definition_of_table.table.physical_name}"' in alarms
    for alarm in resources_of_type("AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
        assert len(alarm.get("Metrics", [])) <= 11
    board = json.loads(resources_of_type("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"])
    titles = {each["properties"]["title"] for each in board["widgets"]}
    assert {"Publishes", "Fan-out lag, seconds", "Callbacks", "Relays", "Errors", "Dead letters"} <= titles


# A REST API from an inline document, and WebSocket APIs, are more than the engine of the tests can make.
_NOT_THERE = ("AWS::ApiGateway::", "AWS::ApiGatewayV2::")
# Of routes, whose functions differ in nothing but what is compared above, some stand for all.
_SOME_ROUTES = {"PublishEventFunction", "ListInboxFunction", "RegisterInstanceFunction"}


@pytest.fixture
def _outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the engine tell a stack's outputs, which it forgets to where the stack was made by a change set."""
    applied = ChangeSet.apply

    def apply(change_set: Any) -> None:
        applied(change_set)
        stack = change_set.stack
        stack.output_map = OutputMap(stack.resource_map, change_set.template_dict, stack.stack_id)

    monkeypatch.setattr(ChangeSet, "apply", apply)


@pytest.fixture
def deployable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The translated template, without what the engine can't make, and a zip of nothing."""
    reduced = copy.deepcopy(cloudformation_template())
    others = {f"{pascal(route.__name__)}Function" for route in SERVED.values()} - _SOME_ROUTES
    for name, each in cloudformation_template()["Resources"].items():
        if each["Type"].startswith(_NOT_THERE) or name.removesuffix("Role") in others:
            del reduced["Resources"][name]
    for name in ("RestApi", "SocketApi"):
        reduced["Parameters"][name] = {"Type": "String", "Default": name.lower()}
    path = tmp_path / "template.json"
    path.write_text(json.dumps(reduced), encoding="utf-8")
    code = tmp_path / "function.zip"
    with zipfile.ZipFile(code, "w") as empty:
        empty.writestr("nothing.py", "")
    monkeypatch.setattr(deploy, "CODE", code)
    monkeypatch.setattr(deploy, "_WAITER_CONFIG", {"Delay": 0, "MaxAttempts": 2})
    monkeypatch.setenv("AWS_DEFAULT_REGION", support.REGION)
    return path


# moto's CloudFormation makes tables and queues in moto alone. It passes over alarms and the like, which cfn-lint reads
# as the template is made.
@pytest.mark.engine("embedded")
@pytest.mark.usefixtures("_outputs")
@pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning")
@mock_aws
def test_a_deployment_makes_what_is_declared_and_tells_how_to_go_on(deployable: Path) -> None:
    def run(*arguments: str) -> str:
        result = CliRunner().invoke(deploy.main, arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    said = run("up", "--stage", "t", "--template", str(deployable), "KeyBudget=77", "AlarmEmail=a@example.com")
    assert "Add     AWS::Lambda::Function" in said
    assert "https://restapi.execute-api.us-east-1.amazonaws.com/desk" in said
    assert "infra.admin employees create" in said
    session: Any = botocore.session.Session()
    dynamodb, sqs, functions_of = (session.create_client(each) for each in ("dynamodb", "sqs", "lambda"))
    for definition in tables.DEFINITIONS:
        _check_table(dynamodb, definition)
    for queue in queues.DEFINITIONS:
        _check_queue(sqs, queue)
    pages = functions_of.get_paginator("list_functions").paginate()
    found = {each["FunctionName"]: each for page in pages for each in page["Functions"]}
    behind_no_path = {each.name for each in served_functions().values() if not isinstance(each.source, Route)}
    some = {"publish_event", "list_inbox", "register_instance"}
    assert found.keys() == {f"fluxden-t-{name}" for name in behind_no_path | some}
    told = found["fluxden-t-publish_event"]["Environment"]["Variables"]
    assert told["FLUXDEN_KEY_BUDGET"] == "77"
    assert told["FLUXDEN_PREFIX"] == "fluxden-t"
    assert told["FLUXDEN_SOCKETS_URL"] == "https://socketapi.execute-api.us-east-1.amazonaws.com/desk"
    mapped = functions_of.list_event_source_mappings()["EventSourceMappings"]
    assert len(mapped) == len(queues.DEFINITIONS)
    exported = run("environment", "--stage", "t")
    assert "export FLUXDEN_PREFIX=fluxden-t\n" in exported
    assert re.search(r"^export FLUXDEN_SECRET_KEY=[\w-]{43}=$", exported, re.MULTILINE)


def _check_table(dynamodb: Any, definition: tables.Definition) -> None:
    name = f"fluxden-t-{definition.table.name}"
    table = dynamodb.describe_table(TableName=name)["Table"]
    asked = tables.create_table_request(definition)
    assert table["KeySchema"] == asked["KeySchema"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        made_of = {each["IndexName"]: (each["KeySchema"], each["Projection"]) for each in table.get(kind, [])}
        assert made_of == {each["IndexName"]: (each["KeySchema"], each["Projection"]) for each in asked.get(kind, [])}
    declared = made()["Resources"][table_id(definition.table)]
    assert (declared["DeletionPolicy"], declared["UpdateReplacePolicy"]) == ("Retain", "Retain")
    # Of these the engine takes no notice.
    ttl = {"AttributeName": definition.ttl, "Enabled": True} if definition.ttl else None
    assert declared["Properties"].get("TimeToLiveSpecification") == ttl
    assert declared["Properties"]["SSESpecification"] == {"SSEEnabled": True}
    assert declared["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def _check_queue(sqs: Any, definition: queues.Definition) -> None:
    url = sqs.get_queue_url(QueueName=f"fluxden-t-{definition.queue.name}")["QueueUrl"]
    about = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert int(about["VisibilityTimeout"]) == definition.visibility_timeout
    redrive = json.loads(about["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"].endswith(f":fluxden-t-{definition.queue.dead_letters.name}")
    assert int(redrive["maxReceiveCount"]) == queues.MOST_RECEIVES


@pytest.mark.engine("embedded")
@mock_aws
def test_a_diff_tells_what_would_change_and_leaves_nothing_behind(deployable: Path) -> None:
    small = json.loads(deployable.read_text(encoding="utf-8"))
    keep = {"DeliveriesTable", "AlarmTopic"}
    small["Resources"] = {name: each for name, each in small["Resources"].items() if name in keep}
    small["Outputs"] = {}
    deployable.write_text(json.dumps(small), encoding="utf-8")
    result = CliRunner().invoke(deploy.main, ["diff", "--stage", "t", "--template", str(deployable)])
    assert result.exit_code == 0, result.output
    assert sorted(line.split()[:2] for line in result.stdout.splitlines()) == [
        ["Add", "AWS::DynamoDB::Table"],
        ["Add", "AWS::SNS::Topic"],
    ]
    assert deploy.Deployment("t").deployed() is None
    wrong = CliRunner().invoke(deploy.main, ["diff", "--stage", "t", "--template", str(deployable), "Nope=1"])
    assert (wrong.exit_code, "Unknown parameter Nope" in wrong.output) == (1, True)
