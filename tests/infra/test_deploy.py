"""Deploying the template with `python -m infra.deploy`, on moto's CloudFormation."""

import copy
import json
import re
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.client import BaseClient
from click.testing import CliRunner, Result
from moto import mock_aws
from moto.cloudformation.models import ChangeSet, Stack, cloudformation_backends
from moto.cloudformation.parsing import OutputMap
from moto.cloudformation.responses import CloudFormationResponse
from moto.cloudformation.utils import get_stack_from_s3_url
from moto.core.responses import ActionResult

from infra import catalog, deploy, deployment, package, queues, tables
from infra.built_package import Package
from infra.deployment import Deployment
from infra.template.names import table_id
from infra.template.release_alarms import RELEASE_ALARMS
from infra.template.stacks import DATA, Templates, address
from tests.support import template as support
from tests.support.aws_commands import run_aws
from tests.support.template import made, resources, served_functions

# moto can't create a REST API from an inline document, a WebSocket API, or these.
_NOT_THERE = ("AWS::ApiGateway::", "AWS::ApiGatewayV2::", "AWS::CodeDeploy::", "AWS::Lambda::Alias")

_MODULES_OF_INBOX = {f"chalicelib.{module}" for module, area in catalog.areas().items() if area == "inbox"}


_new_session = boto3.Session


@cache
def session() -> Any:
    """Return a session with one client of each service, because each loads the service's whole description."""
    made: Any = _new_session()
    made.client = cache(made.client)
    return made


@pytest.fixture(autouse=True)
def _one_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", support.REGION)
    monkeypatch.setattr(boto3, "Session", session)


@pytest.fixture(autouse=True)
def _gaps_of_moto(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give moto what it lacks: outputs of stacks made by a change set and of nested ones, updates of nested stacks in
    place, and protection.
    """
    applied = ChangeSet.apply

    def apply(change_set: Any) -> None:
        applied(change_set)
        stack = change_set.stack
        stack.output_map = OutputMap(stack.resource_map, change_set.template_dict, stack.stack_id)

    def attribute(stack: Any, name: str) -> Any:
        return stack.output_map[name.removeprefix("Outputs.")].value

    def protect(response: CloudFormationResponse) -> ActionResult:
        stack = response.cloudformation_backend.get_stack(response._get_param("StackName"))
        stack.enable_termination_protection = response._get_param("EnableTerminationProtection")
        return ActionResult({"StackId": stack.stack_id})

    replace = Stack.update_from_cloudformation_json

    def update(original_resource: Any, cloudformation_json: Any, account_id: str, **more: Any) -> Any:
        properties = cloudformation_json["Properties"]
        body = get_stack_from_s3_url(properties["TemplateURL"], account_id=account_id, partition="aws")
        if body == original_resource.template:  # then moto would not look at the parameters
            return replace(original_resource, cloudformation_json=cloudformation_json, account_id=account_id, **more)
        original_resource.update(body, parameters=properties["Parameters"])
        return original_resource

    # Ours are JSON, which moto reads as YAML, and very slowly.
    monkeypatch.setattr(yaml, "load", lambda text, Loader: json.loads(text))  # noqa: ARG005, N803 - as it is called
    monkeypatch.setattr(ChangeSet, "apply", apply)
    monkeypatch.setattr(Stack, "update_from_cloudformation_json", staticmethod(update))
    monkeypatch.setattr(Stack, "get_cfn_attribute", attribute, raising=False)
    monkeypatch.setattr(CloudFormationResponse, "update_termination_protection", protect, raising=False)


def write(templates: Templates, folder: Path) -> Path:
    """Write the templates as `make package` does, after a test has changed nested ones, and return the root's path."""
    root = copy.deepcopy(templates.root)
    for name, template in templates.nested.items():
        root["Resources"][name]["Properties"]["TemplateURL"] = address(template)
    path = folder / "template.json"
    package.write(Templates(root, templates.nested), path)
    return path


@pytest.fixture
def reduced() -> Templates:
    """Return all templates without what moto can't create."""
    # What an alias calls is called directly.
    text = re.sub(r'\{"Ref": "(\w+Function)Alias"\}', r'{"Ref": "\1"}', json.dumps(made().nested))
    templates = Templates(made().root, json.loads(text))
    for template in templates.nested.values():
        for name, each in list(template["Resources"].items()):
            if each["Type"].startswith(_NOT_THERE):
                del template["Resources"][name]
    parameters = templates.nested["Gateways"]["Parameters"]
    parameters |= {name: {"Type": "String", "Default": name.lower()} for name in ("RestApi", "SocketApi")}
    return templates


@pytest.fixture
def deployable(reduced: Templates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of the reduced templates, beside zips of nothing."""
    for name, variable in (("function.zip", "CODE"), ("layer.zip", "LAYER")):
        with zipfile.ZipFile(tmp_path / name, "w") as zipped:
            zipped.writestr(f"{variable}.py", "")
        monkeypatch.setattr(deploy, variable, tmp_path / name)
    monkeypatch.setattr(deployment, "_WAITER_CONFIG", {"Delay": 0, "MaxAttempts": 2})
    return write(reduced, tmp_path)


# moto's CloudFormation creates tables and queues in moto only, and ignores alarms. cfn-lint checks those.
@pytest.mark.engine("embedded")
@pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning")
@mock_aws
def test_a_deployment_creates_every_stack_with_the_declared_resources(deployable: Path) -> None:
    def run(*arguments: str) -> str:
        result = CliRunner().invoke(deploy.main, arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    said = run("up", "--stage", "t", "--template", str(deployable), "KeyBudget=77", "AlarmEmail=a@example.com")
    inbox = sum(each.module in _MODULES_OF_INBOX for each in served_functions().values())
    assert re.search(rf"^Add +{inbox} AWS::Lambda::Function +Inbox$", said, re.MULTILINE)
    assert "https://restapi.execute-api.us-east-1.amazonaws.com/desk" in said
    assert "infra.admin employees create" in said
    session: Any = boto3.Session()
    cloudformation, dynamodb, sqs, functions_of = (
        session.client(each) for each in ("cloudformation", "dynamodb", "sqs", "lambda")
    )
    stacks = cloudformation.describe_stacks()["Stacks"]
    assert len(stacks) == 1 + len(made().nested)
    assert cloudformation.describe_stacks(StackName="fluxden-t")["Stacks"][0]["EnableTerminationProtection"]
    for definition in tables.DEFINITIONS:
        _check_table(dynamodb, definition)
    for queue in queues.DEFINITIONS:
        _check_queue(sqs, queue)
    pages = functions_of.get_paginator("list_functions").paginate()
    found = {each["FunctionName"]: each for page in pages for each in page["Functions"]}
    assert found.keys() == {f"fluxden-t-{each.name}" for each in served_functions().values()}
    told = found["fluxden-t-publish_event"]["Environment"]["Variables"]
    assert told["FLUXDEN_KEY_BUDGET"] == "77"
    assert told["FLUXDEN_PREFIX"] == "fluxden-t"
    assert told["FLUXDEN_SOCKETS_URL"] == "https://socketapi.execute-api.us-east-1.amazonaws.com/desk"
    reader = found["fluxden-t-register_instance"]["Environment"]["Variables"]
    assert reader["FLUXDEN_SECRET_KEY_ID"].startswith("arn:aws:secretsmanager:us-east-1:")
    assert "FLUXDEN_SECRET_KEY_ID" not in told
    mapped = functions_of.list_event_source_mappings()["EventSourceMappings"]
    assert sorted(each["EventSourceArn"].rpartition(":")[2] for each in mapped) == sorted(
        f"fluxden-t-{each.queue.name}" for each in queues.DEFINITIONS
    )
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
    declared = resources()[table_id(definition.table)]
    assert (declared["DeletionPolicy"], declared["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    # moto ignores these.
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


@pytest.fixture
def small(deployable: Path, reduced: Templates) -> Path:
    """Reduce the templates to a table and a topic, in a stack each."""
    keep = {"Data": {"DeliveriesTable"}, "Gateways": {"AlarmTopic", "Dependencies"}}
    nested = {name: template for name, template in reduced.nested.items() if name in keep}
    for name, template in nested.items():
        template["Resources"] = {each: template["Resources"][each] for each in keep[name]}
    left = {each: {"Value": "https://desk.example"} for each in ("Endpoint",)}
    nested["Gateways"]["Outputs"] = left
    root = reduced.root | {"Resources": {name: reduced.root["Resources"][name] for name in keep}}
    root["Outputs"] = {"Endpoint": {"Value": {"Fn::GetAtt": ["Gateways", "Outputs.Endpoint"]}}}
    return write(Templates(root, nested), deployable.parent)


@pytest.mark.engine("embedded")
@mock_aws
def test_a_diff_shows_changes_and_leaves_nothing_behind(small: Path) -> None:
    result = CliRunner().invoke(deploy.main, ["diff", "--stage", "t", "--template", str(small)])
    assert result.exit_code == 0, result.output
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["Add", "1", "AWS::DynamoDB::Table", "Data"],
        ["Add", "1", "AWS::Lambda::LayerVersion", "Gateways"],
        ["Add", "1", "AWS::SNS::Topic", "Gateways"],
    ]
    assert Deployment("t").deployed() is None
    wrong = CliRunner().invoke(deploy.main, ["diff", "--stage", "t", "--template", str(small), "Nope=1"])
    assert (wrong.exit_code, "Unknown parameter Nope" in wrong.output) == (1, True)


def _up(template: Path, *parameters: str) -> Result:
    return CliRunner().invoke(deploy.main, ["up", "--stage", "t", "--template", str(template), *parameters])


def _package(template: Path) -> Package:
    code, layer = (template.with_name(f"{each}.zip") for each in ("function", "layer"))
    return Package(package.read(template), code, layer)


def _parameters() -> dict[str, str]:
    stack = Deployment("t").deployed()
    assert stack is not None
    return {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}


def _set_status(status: str) -> str:
    """Put the stack into a state that moto's stacks don't reach, and return its id."""
    stack = cloudformation_backends["123456789012"][support.REGION].get_stack("fluxden-t")
    stack.status = status
    return str(stack.stack_id)


@pytest.mark.engine("embedded")
@mock_aws
def test_an_update_keeps_every_parameter_that_it_does_not_name(small: Path) -> None:
    assert _up(small, "Prefix=restored", "KeyBudget=240").exit_code == 0
    first = _parameters()
    assert (first["Prefix"], first["KeyBudget"]) == ("restored", "240")
    assert _up(small, "LogDays=7", "Prefix=restored").exit_code == 0
    assert _up(small, "LogDays=14").exit_code == 0
    assert _parameters() == first | {"LogDays": "14", "Release": _parameters()["Release"]}


@pytest.mark.engine("embedded")
@mock_aws
def test_a_stack_keeps_the_prefix_that_it_was_created_with(small: Path) -> None:
    assert _up(small).exit_code == 0
    assert _parameters()["Prefix"] == "fluxden-t"
    refused = _up(small, "Prefix=other", "KeyBudget=240")
    assert refused.exit_code == 1
    assert "Prefix of fluxden-t is fluxden-t and can't change: it names the tables" in refused.output
    assert (_parameters()["Prefix"], _parameters()["KeyBudget"]) == ("fluxden-t", "120")


@pytest.mark.engine("embedded")
@mock_aws
def test_a_first_deployment_that_failed_is_deleted_and_repeated(small: Path) -> None:
    Deployment("t").create(_package(small), {})
    failed = _set_status("ROLLBACK_COMPLETE")
    shown = CliRunner().invoke(deploy.main, ["diff", "--stage", "t", "--template", str(small)])
    assert (shown.exit_code, "Its first deployment failed. Deploy again" in shown.output) == (1, True)
    again = _up(small)
    assert again.exit_code == 0, again.output
    assert "Deleted stack fluxden-t, whose first deployment failed." in again.stdout
    stack = Deployment("t").deployed()
    assert stack is not None
    assert (stack["StackStatus"], stack["StackId"] == failed) == ("UPDATE_COMPLETE", False)


@pytest.mark.engine("embedded")
@mock_aws
def test_a_first_deployment_that_failed_after_its_data_is_repeated_with_that_data(small: Path) -> None:
    """CloudFormation has removed the other stacks, and nothing has to be deleted."""
    Deployment("t").create(_package(small), {})
    first = _set_status("UPDATE_ROLLBACK_COMPLETE")
    again = _up(small)
    assert again.exit_code == 0, again.output
    assert ("Deleted" in again.stdout, "Creating the tables" in again.stdout) == (False, False)
    stack = Deployment("t").deployed()
    assert stack is not None
    assert stack["StackId"] == first
    assert [each["OutputKey"] for each in stack["Outputs"]] == ["Endpoint"]


@pytest.mark.engine("embedded")
@mock_aws
def test_tables_are_protected_as_soon_as_they_are_deployed_unless_somebody_says_no(small: Path) -> None:
    def is_protected() -> bool:
        table = boto3.Session().client("dynamodb").describe_table(TableName="fluxden-t-deliveries")["Table"]
        return bool(table["DeletionProtectionEnabled"])

    Deployment("t").create(_package(small), {})
    assert not is_protected()
    assert _up(small).exit_code == 0
    assert is_protected()
    assert _parameters()["ProtectTables"] == "yes"


@pytest.mark.engine("embedded")
@mock_aws
def test_a_stack_of_which_only_a_change_set_was_made_counts_as_new(small: Path) -> None:
    desk = Deployment("t")
    assert desk.change_set(_package(small), {}) is not None
    # moto makes a second stack of this name for a second change set, so this test ends before that.
    _set_status("REVIEW_IN_PROGRESS")
    assert desk.updatable() is None


@pytest.mark.engine("embedded")
@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback --stack-name fluxden-t"),
        ("CREATE_FAILED", "aws cloudformation delete-stack --stack-name fluxden-t"),
        ("ROLLBACK_FAILED", "aws cloudformation delete-stack --stack-name fluxden-t"),
        ("DELETE_FAILED", "aws cloudformation delete-stack --stack-name fluxden-t"),
        ("UPDATE_IN_PROGRESS", "It is being changed. Try again when that is done."),
        ("UPDATE_FAILED", "It can't be updated. See its events."),
    ],
)
@mock_aws
def test_a_stack_that_cannot_be_updated_is_explained_in_one_line(small: Path, status: str, advice: str) -> None:
    assert _up(small).exit_code == 0
    _set_status(status)
    refused = _up(small, "KeyBudget=240")
    (line,) = refused.output.splitlines()
    assert refused.exit_code == 1
    assert line.startswith(f"Error: Stack fluxden-t is in the state {status}. ")
    assert advice in line
    assert _parameters()["KeyBudget"] == "120"


def _change_topic(small: Path, name: str) -> None:
    """Give the topic another name, as a release would change it."""
    built = package.read(small)
    built.nested["Gateways"]["Resources"]["AlarmTopic"]["Properties"]["TopicName"] = name
    write(built, small.parent)


def _topics() -> list[str]:
    found = boto3.Session().client("sns").list_topics()["Topics"]
    return [each["TopicArn"].rpartition(":")[2] for each in found]


@pytest.mark.engine("embedded")
@mock_aws
def test_a_rollback_brings_templates_and_parameters_of_the_deployment_before_back(small: Path) -> None:
    def back() -> Result:
        return CliRunner().invoke(deploy.main, ["rollback", "--stage", "t"])

    assert (back().exit_code, "has no earlier deployment" in back().output) == (1, True)
    _change_topic(small, "first")
    assert _up(small, "KeyBudget=77").exit_code == 0
    before = _parameters()
    _change_topic(small, "second")
    assert _up(small, "KeyBudget=99").exit_code == 0
    # The same again is no further release.
    release = _parameters()["Release"]
    assert _up(small).exit_code == 0
    assert _parameters()["Release"] == release
    assert (_topics(), _parameters()["KeyBudget"]) == (["second"], "99")
    done = back()
    assert done.exit_code == 0, done.output
    assert (_topics(), _parameters()["KeyBudget"]) == (["first"], "77")
    assert _parameters()["CodeKey"] == before["CodeKey"]
    # There is nothing before the first one, and the next deployment is a new one.
    assert (back().exit_code, "has no earlier deployment" in back().output) == (1, True)
    assert _up(small, "KeyBudget=99").exit_code == 0
    assert _topics() == ["second"]
    assert back().exit_code == 0
    assert _topics() == ["first"]


@pytest.mark.engine("embedded")
@mock_aws
def test_a_rollback_keeps_the_tables_that_came_with_what_it_undoes(small: Path, reduced: Templates) -> None:
    assert _up(small).exit_code == 0
    grown = package.read(small)
    grown.nested[DATA]["Resources"]["BoardTable"] = resources()["BoardTable"]
    write(grown, small.parent)
    assert _up(small, "KeyBudget=99").exit_code == 0
    done = CliRunner().invoke(deploy.main, ["rollback", "--stage", "t"])
    assert done.exit_code == 0, done.output
    assert _parameters()["KeyBudget"] == "120"
    found = boto3.Session().client("dynamodb").list_tables()["TableNames"]
    assert sorted(found) == ["fluxden-t-board", "fluxden-t-deliveries"]


@pytest.mark.engine("embedded")
@mock_aws
def test_alarms_of_the_release_are_watched_from_the_second_deployment_on(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first has no alarms yet, and a repair or a rollback must not be undone by the alarm that it ends."""
    watched: list[list[str]] = []
    client_class: Any = BaseClient
    made_call = client_class._make_api_call

    def record(client: Any, operation: str, asked: dict[str, Any]) -> Any:
        if operation == "CreateChangeSet":
            triggers = asked["RollbackConfiguration"]["RollbackTriggers"]
            watched.append([each["Arn"].rpartition(":alarm:fluxden-t-")[2] for each in triggers])
        return made_call(client, operation, asked)

    monkeypatch.setattr(client_class, "_make_api_call", record)
    for parameters in ((), ("KeyBudget=99",), ("KeyBudget=98", "--at-once")):
        assert _up(small, *parameters).exit_code == 0
    assert CliRunner().invoke(deploy.main, ["rollback", "--stage", "t"]).exit_code == 0
    assert watched == [[], [], list(RELEASE_ALARMS), [], []]


@pytest.mark.engine("embedded")
@mock_aws
def test_snapshots_are_refused_for_a_version_of_python_without_them(small: Path) -> None:
    assert "SnapStart needs Python 3.12" in _up(small, "SnapStart=yes").output
    assert Deployment("t").deployed() is None


def test_resources_with_names_go_when_their_creation_is_rolled_back() -> None:
    """A table that stayed would stand in the way of the next attempt."""
    for name, each in resources().items():
        if each["Type"] in ("AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::Logs::LogGroup", "AWS::SNS::Topic"):
            assert each.get("DeletionPolicy") in (None, "Delete", "RetainExceptOnCreate"), name


def _block(heading: str) -> str:
    """The `aws` block below a heading of the page about deployment, for the stage of these tests."""
    page = (package.ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    _, _, section = page.partition(f"\n## {heading}\n")
    return section.split("```aws\n")[1].partition("```")[0].replace("fluxden-prod", "fluxden-t").replace("=prod", "=t")


@pytest.mark.engine("embedded")
@mock_aws
def test_a_stack_is_deleted_as_documented_and_its_tables_stay(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def delete(response: CloudFormationResponse) -> ActionResult:
        stack = response.cloudformation_backend.get_stack(response._get_param("StackName"))
        assert not getattr(stack, "enable_termination_protection", False), "CloudFormation refuses"
        done: ActionResult = deletes(response)
        return done

    deletes: Any = CloudFormationResponse.delete_stack
    monkeypatch.setattr(CloudFormationResponse, "delete_stack", delete)
    assert _up(small).exit_code == 0
    commands = _block("Delete").splitlines()
    with pytest.raises(AssertionError, match="refuses"):
        run_aws(commands[-1], session().client)
    for command in commands:
        run_aws(command, session().client)
    assert Deployment("t").deployed() is None
    # moto deletes them with the stack; the templates say that CloudFormation does not.
    data = package.read(small).nested["Data"]["Resources"]
    assert {each["DeletionPolicy"] for each in data.values()} == {"RetainExceptOnCreate"}


@pytest.mark.engine("embedded")
@mock_aws
def test_a_release_is_rolled_back_with_the_command_that_the_page_names(small: Path) -> None:
    page = (package.ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    makefile = (package.ROOT / "Makefile").read_text(encoding="utf-8")
    assert "`make rollback STAGE=prod`" in page
    (recipe,) = re.findall(r"^rollback:.*\n\t@?\$\(bin\)/python -m infra\.deploy (.*)$", makefile, re.MULTILINE)
    arguments = recipe.replace("$(STAGE)", "t").split()
    assert _up(small, "LogDays=7").exit_code == 0
    assert _up(small, "LogDays=14").exit_code == 0
    result = CliRunner().invoke(deploy.main, arguments)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1].startswith("Rolled back.")
    assert _parameters()["LogDays"] == "7"
