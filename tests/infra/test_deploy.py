"""Deploying the template with `python -m infra.deploy`, on moto's CloudFormation."""

import copy
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result
from moto import mock_aws
from moto.cloudformation.models import ChangeSet, cloudformation_backends
from moto.cloudformation.parsing import OutputMap

from chalicelib.edge.route import Route
from infra import deploy, queues, tables
from infra.template.names import pascal, table_id
from tests.support import template as support
from tests.support.api import SERVED
from tests.support.template import (
    cloudformation_template,
    made,
    served_functions,
)

# moto can't create a REST API from an inline document, or a WebSocket API.
_NOT_THERE = ("AWS::ApiGateway::", "AWS::ApiGatewayV2::")
# A few routes stand for all, because their functions only differ in what is compared above.
_SOME_ROUTES = {"PublishEventFunction", "ListInboxFunction", "RegisterInstanceFunction"}


@pytest.fixture
def _outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Return a stack's outputs, which moto omits for stacks made by a change set."""
    applied = ChangeSet.apply

    def apply(change_set: Any) -> None:
        applied(change_set)
        stack = change_set.stack
        stack.output_map = OutputMap(stack.resource_map, change_set.template_dict, stack.stack_id)

    monkeypatch.setattr(ChangeSet, "apply", apply)


@pytest.fixture
def deployable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the translated template without what moto can't create, and an empty zip."""
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


# moto's CloudFormation creates tables and queues in moto only, and ignores alarms. cfn-lint checks those.
@pytest.mark.engine("embedded")
@pytest.mark.usefixtures("_outputs")
@pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning")
@mock_aws
def test_a_deployment_creates_the_declared_resources(deployable: Path) -> None:
    def run(*arguments: str) -> str:
        result = CliRunner().invoke(deploy.main, arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    said = run("up", "--stage", "t", "--template", str(deployable), "KeyBudget=77", "AlarmEmail=a@example.com")
    assert "Add     AWS::Lambda::Function" in said
    assert "https://restapi.execute-api.us-east-1.amazonaws.com/desk" in said
    assert "infra.admin employees create" in said
    session: Any = boto3.Session()
    dynamodb, sqs, functions_of = (session.client(each) for each in ("dynamodb", "sqs", "lambda"))
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
    reader = found["fluxden-t-register_instance"]["Environment"]["Variables"]
    assert reader["FLUXDEN_SECRET_KEY_ID"].startswith("arn:aws:secretsmanager:us-east-1:")
    assert "FLUXDEN_SECRET_KEY_ID" not in told
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
def small(deployable: Path) -> Path:
    """Reduce the template to a table and a topic."""
    reduced = json.loads(deployable.read_text(encoding="utf-8"))
    keep = {"DeliveriesTable", "AlarmTopic"}
    reduced["Resources"] = {name: each for name, each in reduced["Resources"].items() if name in keep}
    reduced["Outputs"] = {}
    deployable.write_text(json.dumps(reduced), encoding="utf-8")
    return deployable


@pytest.mark.engine("embedded")
@mock_aws
def test_a_diff_shows_changes_and_leaves_nothing_behind(small: Path) -> None:
    result = CliRunner().invoke(deploy.main, ["diff", "--stage", "t", "--template", str(small)])
    assert result.exit_code == 0, result.output
    assert sorted(line.split()[:2] for line in result.stdout.splitlines()) == [
        ["Add", "AWS::DynamoDB::Table"],
        ["Add", "AWS::SNS::Topic"],
    ]
    assert deploy.Deployment("t").deployed() is None
    wrong = CliRunner().invoke(deploy.main, ["diff", "--stage", "t", "--template", str(small), "Nope=1"])
    assert (wrong.exit_code, "Unknown parameter Nope" in wrong.output) == (1, True)


def _up(template: Path, *parameters: str) -> Result:
    return CliRunner().invoke(deploy.main, ["up", "--stage", "t", "--template", str(template), *parameters])


def _parameters() -> dict[str, str]:
    stack = deploy.Deployment("t").deployed()
    assert stack is not None
    return {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}


def _set_status(status: str) -> str:
    """Put the stack into a state that moto's stacks don't reach, and return its id."""
    (stack,) = cloudformation_backends["123456789012"][support.REGION].stacks.values()
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
    assert _parameters() == first | {"LogDays": "14"}


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
    assert _up(small).exit_code == 0
    failed = _set_status("ROLLBACK_COMPLETE")
    shown = CliRunner().invoke(deploy.main, ["diff", "--stage", "t", "--template", str(small)])
    assert (shown.exit_code, "Its first deployment failed. Deploy again" in shown.output) == (1, True)
    again = _up(small)
    assert again.exit_code == 0, again.output
    assert "Deleted stack fluxden-t, whose first deployment failed." in again.stdout
    stack = deploy.Deployment("t").deployed()
    assert stack is not None
    assert (stack["StackStatus"], stack["StackId"] == failed) == ("CREATE_COMPLETE", False)


@pytest.mark.engine("embedded")
@mock_aws
def test_a_stack_of_which_only_a_change_set_was_made_counts_as_new(small: Path) -> None:
    desk = deploy.Deployment("t")
    assert desk.change_set(small, {}) is not None
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


def test_resources_with_names_go_when_their_creation_is_rolled_back() -> None:
    """A table that stayed would stand in the way of the next attempt."""
    for name, each in made()["Resources"].items():
        if each["Type"] in ("AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::Logs::LogGroup", "AWS::SNS::Topic"):
            assert each.get("DeletionPolicy") in (None, "Delete", "RetainExceptOnCreate"), name
