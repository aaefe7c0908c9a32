"""Concurrency, limits of methods, and alarms of a deployment."""

import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import click
import pytest
from botocore.stub import Stubber

from app import app
from chalicelib.edge.consumer import Consumer
from chalicelib.edge.route import Route
from infra import catalog, queues, tables
from infra.account import concurrency_parameters
from infra.docs import alarms as alarms_page
from infra.template.concurrency import RESERVATIONS, parameters
from infra.template.entry_points import list_entry_points
from infra.template.gateways import is_anonymous
from tests.support.template import resolved, resources_of_type, served_functions

DEFAULTS = {each.parameter: str(each.default) for each in RESERVATIONS}
NOTHING = dict.fromkeys(DEFAULTS, "0")
WORKERS = len(queues.DEFINITIONS)


def of_type(kind: str, number: int = 0) -> list[dict[str, Any]]:
    resources = (each for stack in resolved(number).values() for each in stack["Resources"].values())
    return [each["Properties"] for each in resources if each["Type"] == kind]


def function_properties(number: int = 0) -> dict[str, dict[str, Any]]:
    found = of_type("AWS::Lambda::Function", number)
    return {each["FunctionName"].partition("-")[2]: each for each in found}


def test_publishing_workers_and_streams_have_concurrency_of_their_own() -> None:
    found = function_properties()
    reserved = {
        name: int(each["ReservedConcurrentExecutions"])
        for name, each in found.items()
        if "ReservedConcurrentExecutions" in each
    }
    workers = {each.name for each in served_functions().values() if isinstance(each.source, Consumer)}
    assert reserved == {"publish_event": 50, "publish_bulk": 50, "stream_events": 60, **dict.fromkeys(workers, 20)}
    assert found["stream_events"]["MemorySize"] == 256


def test_a_small_account_reserves_nothing_and_its_queues_keep_their_own_bound() -> None:
    assert not any("ReservedConcurrentExecutions" in each for each in function_properties(1).values())
    for number in (0, 1):
        mappings = of_type("AWS::Lambda::EventSourceMapping", number)
        assert {int(each["ScalingConfig"]["MaximumConcurrency"]) for each in mappings} == {20}


@pytest.mark.parametrize("value", ["1", "-1", "1000", "x", "05"])
def test_a_reservation_that_lambda_or_a_queue_would_refuse_is_no_parameter(value: str) -> None:
    for each in RESERVATIONS:
        pattern = parameters()[each.parameter]["AllowedPattern"]
        assert re.fullmatch(pattern, "0") and re.fullmatch(pattern, each.declared["Default"])
        assert not re.fullmatch(pattern, value)


@pytest.fixture
def account(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Lambda's client of an account with `param`: its limit, and what nobody has reserved. moto lacks this call."""
    limit, free = request.param
    client: Any = boto3.Session().client("lambda", region_name="us-east-1")
    found = {"AccountLimit": {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": free}}
    with Stubber(client) as stubber:
        for _ in range(2):
            stubber.add_response("get_account_settings", found)
        yield client


@pytest.mark.parametrize("account", [(1000, 1000)], indirect=True)
def test_a_usual_account_reserves_the_defaults(account: Any) -> None:
    assert concurrency_parameters(account, WORKERS, given={}, kept={}) == {"ConcurrencyAlarm": "800"}
    kept = DEFAULTS | {"ConcurrencyAlarm": "800"}
    assert concurrency_parameters(account, WORKERS, given={}, kept=kept) == {}


@pytest.mark.parametrize("account", [(10, 10)], indirect=True)
def test_a_new_account_reserves_nothing_and_is_told_how_to(account: Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = concurrency_parameters(account, WORKERS, given={}, kept={})
    assert found == NOTHING | {"ConcurrencyAlarm": "8"}
    said = capsys.readouterr().out
    assert "may run 10 functions" in said
    assert "ReservedForPublishing=50 ReservedForWorkers=20 ReservedForStreams=60" in said
    with pytest.raises(click.ClickException, match="AWS keeps 100"):
        concurrency_parameters(account, WORKERS, given=DEFAULTS, kept={})


@pytest.mark.parametrize("account", [(1000, 700)], indirect=True)
def test_what_the_desk_has_reserved_already_counts_as_free_for_it(account: Any) -> None:
    kept = DEFAULTS | {"ConcurrencyAlarm": "800"}
    assert concurrency_parameters(account, WORKERS, given={"ReservedForPublishing": "300"}, kept=kept) == {}
    with pytest.raises(click.ClickException, match="may run 1000 functions"):
        concurrency_parameters(account, WORKERS, given={"ReservedForPublishing": "400"}, kept=kept)


def test_each_method_that_needs_no_token_has_a_limit_of_its_own() -> None:
    (stage,) = of_type("AWS::ApiGateway::Stage")
    limits = {
        (each["ResourcePath"], each["HttpMethod"]): int(each["ThrottlingRateLimit"]) for each in stage["MethodSettings"]
    }
    assert limits.pop(("/*", "*")) == 500
    assert set(limits.values()) == {20}
    assert limits.keys() >= {
        ("/~1api~1v1~1health", "GET"),
        ("/~1api~1v1~1health", "HEAD"),
        ("/~1api~1v2~1federation~1register", "POST"),
        ("/~1api~1v2~1network~1discover", "GET"),
        ("/~1api~1v1~1docs", "GET"),
        ("/~1console~1{asset}", "GET"),
        ("/", "GET"),
    }
    # Agents and peers show a token in their own way.
    assert not limits.keys() & {("/~1mcp", "POST"), ("/~1api~1v2~1relay", "POST"), ("/~1api~1v1~1events", "POST")}


def test_an_operation_with_a_required_caller_is_not_anonymous() -> None:
    assert not [
        each.__name__
        for each in catalog.routes(app)
        if is_anonymous(each) and each.callers and not each.caller_is_optional
    ]


def test_logs_with_the_actions_of_administrators_are_kept_for_long() -> None:
    modules = {
        each.module for each in served_functions().values() if isinstance(each.source, Route) and each.source.audits
    }
    assert len(modules) >= 12
    groups = resources_of_type("AWS::Logs::LogGroup").values()
    days = {each["LogGroupName"]["Fn::Sub"].partition("/api/")[2]: each["RetentionInDays"]["Ref"] for each in groups}
    for module in modules:
        assert days[module.removeprefix("chalicelib.api.").replace(".", "/")] == "AuditDays", module
    assert days["v1/events"] == "LogDays"


def test_lines_of_the_gateway_have_the_ids_that_lines_of_functions_have() -> None:
    stage, sockets = (
        next(iter(resources_of_type(kind).values())) for kind in ("AWS::ApiGateway::Stage", "AWS::ApiGatewayV2::Stage")
    )
    for setting in (stage["AccessLogSetting"], sockets["AccessLogSettings"]):
        line = json.loads(setting["Format"])
        assert line["gatewayRequestId"] == "$context.requestId"
        assert line["extendedRequestId"] == "$context.extendedRequestId"
        assert line["function_request_id"] == "$context.integration.requestId"
        assert all(isinstance(each, str) for each in line.values()), "flat"
    for each in resources_of_type("AWS::Lambda::Function").values():
        # REPORT lines are Lambda's, at this level.
        assert (each["LoggingConfig"]["LogFormat"], each["LoggingConfig"]["SystemLogLevel"]) == ("JSON", "INFO")


def test_every_index_has_an_alarm_and_no_age_is_explained_by_two_failed_batches() -> None:
    found = resources_of_type("AWS::CloudWatch::Alarm")
    watched = {
        tuple(
            dimension["Value"] if isinstance(dimension["Value"], str) else dimension["Value"]["Fn::Sub"]
            for dimension in query["MetricStat"]["Metric"]["Dimensions"]
        )
        for alarm in found.values()
        for query in alarm.get("Metrics", [])
        if "MetricStat" in query
    }
    for definition in tables.DEFINITIONS:
        for index in definition.indexes:
            assert index.is_local or (f"${{Prefix}}-{definition.table.name}", index.name) in watched
    for queue in queues.DEFINITIONS:
        (age,) = (
            each for each in found.values() if each["AlarmName"]["Fn::Sub"] == f"${{Prefix}}-{queue.queue.name}-age"
        )
        assert age["Threshold"] > 2 * queue.visibility_timeout
    assert found["AccountConcurrencyAlarm"]["Threshold"] == {"Ref": "ConcurrencyAlarm"}
    assert len(found["ListsFullAlarm"]["Metrics"]) == 6


def test_the_page_of_alarms_counts_what_is_paid() -> None:
    text = alarms_page.render(sorted(list_entry_points(app), key=lambda each: each.name))
    found = of_type("AWS::CloudWatch::Alarm")
    metrics = sum(len(each["Metrics"]) - 1 if "Metrics" in each else 1 for each in found)
    assert f"{len(found)} alarms watch {metrics} metrics." in text
    assert re.search(rf"\| .*alarms.* \| {metrics / 10:.2f} \|", text)
