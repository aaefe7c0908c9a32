"""Deploying the template with `python -m infra.deploy`, on moto's CloudFormation."""

import copy
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws
from moto.cloudformation.models import ChangeSet
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


@pytest.mark.engine("embedded")
@mock_aws
def test_a_diff_shows_changes_and_leaves_nothing_behind(deployable: Path) -> None:
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
