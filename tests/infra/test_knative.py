"""`make knative`: the functions as Knative services, valid and from the same declarations as on AWS."""

import re
from typing import Any

import pytest

from app import app
from chalicelib.edge.consumer import Consumer
from chalicelib.edge.route import Route
from chalicelib.edge.schedule import Schedule
from infra.knative.manifest import Target, cron, manifests, render, service_host
from infra.knative.sockets import PORT as SOCKETS_PORT
from infra.template.concurrency import RESERVATIONS
from infra.template.entry_points import list_entry_points
from tests.support.knative import find_backend, parse, schema_errors

pytestmark = pytest.mark.engine("embedded")

TARGET = Target("registry.example.com/fluxden:1", "desk.example.com", "fluxden", "fluxden")
TEXT = render(app, TARGET)
OBJECTS = parse(TEXT)
FUNCTIONS = [each for each in list_entry_points(app) if isinstance(each.source, Route | Consumer | Schedule)]


def of_kind(kind: str) -> list[dict[str, Any]]:
    of_sockets = "Service" if kind == "Service" else ""
    return [each for each in OBJECTS if each["kind"] == kind and f"{each['apiVersion']} {of_sockets}" != "v1 Service"]


def test_every_object_fits_the_published_schema_of_its_kind() -> None:
    errors = [(each["metadata"]["name"], error) for each in OBJECTS for error in schema_errors(each)]
    assert errors == []


def test_a_member_that_the_schema_does_not_know_is_found() -> None:
    service = of_kind("Service")[0]
    spoiled = service | {"spec": service["spec"] | {"replicas": 3}}
    assert any("replicas" in each for each in schema_errors(spoiled))
    route = of_kind("HTTPRoute")[0]
    assert schema_errors(route | {"spec": route["spec"] | {"rules": [{"matches": [{"method": "FETCH"}]}]}})


def test_every_function_is_a_service_that_scales_to_zero_with_its_memory_and_timeout() -> None:
    services = {each["metadata"]["name"]: each for each in of_kind("Service")}
    assert len(services) == len(FUNCTIONS)
    for function in FUNCTIONS:
        service = services[function.name.replace("_", "-")]
        template = service["spec"]["template"]
        (container,) = template["spec"]["containers"]
        assert template["metadata"]["annotations"]["autoscaling.knative.dev/min-scale"] == "0"
        assert container["args"][-2:] == ["--only", function.name]
        assert container["resources"]["limits"]["memory"] == f"{function.memory}Mi"
        assert template["spec"]["timeoutSeconds"] == function.timeout
        assert template["spec"]["containerConcurrency"] >= 1
        assert re.fullmatch("[a-z]([-a-z0-9]{0,61}[a-z0-9])?", service["metadata"]["name"])


def test_every_path_and_method_leads_to_its_operation() -> None:
    routes = of_kind("HTTPRoute")
    for function in FUNCTIONS:
        if isinstance(function.source, Route):
            for path in function.source.paths:
                concrete = re.sub(r"\{[^}]+\}", "8a-b.c%2F1", path)
                assert find_backend(routes, function.source.method, concrete) == service_host(function, TARGET), path
    assert find_backend(routes, "POST", "/api/v1/nothing") is None
    assert find_backend(routes, "DELETE", "/api/v1/events") is None


def test_workers_and_schedules_have_sources() -> None:
    sinks = {each["spec"]["sink"]["ref"]["name"]: each for each in of_kind("IntegrationSource") + of_kind("PingSource")}
    for function in FUNCTIONS:
        if not isinstance(function.source, Route):
            source = sinks.pop(function.name.replace("_", "-"))
            assert source["kind"] == ("IntegrationSource" if isinstance(function.source, Consumer) else "PingSource")
    assert sinks == {}


def with_secret(name: str) -> set[str]:
    """The services that are given a secret."""
    containers = {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]["containers"] for each in of_kind("Service")
    }
    return {
        service for service, (only,) in containers.items() if name in [each["name"] for each in only.get("env", ())]
    }


def test_only_functions_that_push_to_sockets_get_the_secret_of_hosts() -> None:
    pushing = with_secret("FLUXDEN_HOST_SECRET")
    assert {"publish-event", "fan-out", "serve-sockets"} <= pushing
    assert not pushing & {"get-health", "list-inbox"}


def test_only_functions_with_the_grant_get_the_sealing_key() -> None:
    with_key = with_secret("FLUXDEN_SECRET_KEY")
    assert with_key == {
        each.name.replace("_", "-") for each in FUNCTIONS if any("secret" in grant.action for grant in each.grants)
    }
    assert "register-instance" in with_key
    assert "publish-event" not in with_key


def test_grants_stand_above_each_function() -> None:
    above, _, _ = TEXT.partition("name: publish-event\n")
    comment = above[above.rindex("# publish_event may:") :]
    assert "table fluxden-tokens: dynamodb:UpdateItem" in comment
    found = re.findall(r"^# (\w+) may:$", TEXT, re.MULTILINE)
    assert found == [*(each.name for each, _ in manifests(app, TARGET)), "sockets"]


@pytest.mark.parametrize(
    ("minutes", "expression"),
    [(1, "*/1 * * * *"), (5, "*/5 * * * *"), (60, "0 */1 * * *"), (360, "0 */6 * * *"), (1440, "0 0 * * *")],
)
def test_rates_become_cron_expressions(minutes: int, expression: str) -> None:
    assert cron(minutes) == expression


@pytest.mark.parametrize("minutes", [7, 90, 10_000])
def test_rate_that_cron_cannot_say_is_refused(minutes: int) -> None:
    with pytest.raises(ValueError, match="no cron expression"):
        cron(minutes)


def test_what_aws_reserves_is_the_most_that_a_service_scales_to() -> None:
    reserved = {reservation.parameter: reservation.default for reservation in RESERVATIONS}
    wanted = {"publish-event": "ReservedForPublishing", "publish-bulk": "ReservedForPublishing"}
    wanted |= {"stream-events": "ReservedForStreams"}
    wanted |= dict.fromkeys(
        (each.name.replace("_", "-") for each in FUNCTIONS if isinstance(each.source, Consumer)), "ReservedForWorkers"
    )
    for service in of_kind("Service"):
        template = service["spec"]["template"]
        most = template["metadata"]["annotations"].get("autoscaling.knative.dev/max-scale")
        parameter = wanted.get(service["metadata"]["name"])
        assert (most is None) == (parameter is None), service["metadata"]["name"]
        if most is not None and parameter is not None:
            each = template["spec"]["containerConcurrency"]
            # No instance less, or it would be below what AWS serves; no instance more, or it would not be a ceiling.
            assert (int(most) - 1) * each < reserved[parameter] <= int(most) * each


def test_websockets_have_hosts_that_are_reached_under_a_name_of_their_own() -> None:
    (deployment,) = of_kind("Deployment")
    (service,) = (each for each in OBJECTS if each["apiVersion"] == "v1" and each["kind"] == "Service")
    (route,) = (each for each in of_kind("HTTPRoute") if each["spec"]["hostnames"] == ["sockets.desk.example.com"])
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    open_ports = {each["containerPort"] for each in container["ports"]}
    assert {each["targetPort"] for each in service["spec"]["ports"]} == open_ports
    (rule,) = route["spec"]["rules"]
    (backend,) = rule["backendRefs"]
    # The management port is not routed from outside.
    assert backend == {"name": service["metadata"]["name"], "port": SOCKETS_PORT}
    assert {"FLUXDEN_HOST_SECRET", "POD_IP"} <= {each["name"] for each in container["env"]}


def test_the_text_has_no_anchors() -> None:
    assert not re.search(r"[&*]id\d{3}", TEXT)
