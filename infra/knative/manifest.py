"""The functions as Knative services, with their routes and sources, from the same declarations as the AWS template.

Knative's ingress starts a service that has no instance, so routes lead to it under the service's own host name.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

import yaml
from chalice.app import Chalice

from chalicelib.edge.consumer import Consumer
from chalicelib.edge.route import Route
from chalicelib.edge.schedule import Schedule
from chalicelib.edge.streaming import EVENT_STREAM
from chalicelib.resources import UNSEAL, Grant, MailService, Queue, SocketApi, Table
from infra.container.only import HEALTH_PATH
from infra.knative.sockets import MANAGEMENT_PORT, socket_grants, socket_manifests
from infra.knative.sockets import NAME as SOCKETS
from infra.template.concurrency import RESERVATIONS
from infra.template.entry_points import EntryPoint, list_entry_points, queue_definition

Manifest = dict[str, Any]

SETTINGS, SECRETS = "fluxden-settings", "fluxden-secrets"
# Knative's ingress inside the cluster. This one is Kourier's.
INGRESS = {"name": "kourier-internal", "namespace": "kourier-system", "port": 80}
PORT = 8080
# Requests of one instance at a time, and its threads. A function of AWS has one.
CONCURRENCY = 10
_MOST_MESSAGES = 1
_MINUTES_AN_HOUR, _MINUTES_A_DAY = 60, 1440
_PARAMETER = re.compile(r"\{[^}]+\}")


@dataclass(frozen=True)
class Target:
    """Where the desk runs."""

    image: str
    host: str
    namespace: str
    gateway: str
    sockets_host: str = ""

    @property
    def host_of_sockets(self) -> str:
        """The host name of the WebSockets, which have the path `/` of their own."""
        return self.sockets_host or f"sockets.{self.host}"


def render(app: Chalice, target: Target) -> str:
    """Return every object as YAML, each with the grants that its function needs as a comment."""
    parts = [_HEAD]
    for entry_point, made in manifests(app, target):
        parts.append(_part(entry_point.name, entry_point.grants, made))
    hosts = socket_manifests(
        app,
        image=target.image,
        host=target.host_of_sockets,
        namespace=target.namespace,
        gateway=target.gateway,
        settings=SETTINGS,
        secrets=SECRETS,
    )
    parts.append(_part(SOCKETS, socket_grants(app), hosts))
    return "---\n".join(parts)


def _part(name: str, grants: tuple[Grant, ...], made: list[Manifest]) -> str:
    listed = "\n".join(f"#   {each}" for each in _describe_grants(grants)) or "#   none"
    documents = "---\n".join(yaml.dump(each, Dumper=_Plain, sort_keys=False, width=120) for each in made)
    return f"# {name} may:\n{listed}\n{documents}"


# The dumper of C writes the same in a fifth of the time, where PyYAML has it.
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Plain(_Dumper):  # type: ignore[misc]
    """Writes an object twice where it stands twice, since not every reader knows anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - yaml's
        return True


def manifests(app: Chalice, target: Target) -> Iterator[tuple[EntryPoint, list[Manifest]]]:
    """Return the objects of each operation, worker and schedule."""
    for each in list_entry_points(app):
        match each.source:
            case Route() as route:
                yield each, [_service(each, target), _http_route(each, route, target)]
            case Consumer() as worker:
                yield each, [_service(each, target), _queue_source(each, worker, target)]
            case Schedule() as schedule:
                yield each, [_service(each, target), _ping_source(each, schedule, target)]


def service_name(entry_point: EntryPoint) -> str:
    return entry_point.name.replace("_", "-")


def service_host(entry_point: EntryPoint, target: Target) -> str:
    """Return the host name under which Knative's ingress knows the service."""
    return f"{service_name(entry_point)}.{target.namespace}.svc.cluster.local"


def _about(entry_point: EntryPoint, target: Target) -> Manifest:
    labels = {"app.kubernetes.io/part-of": "fluxden", "app.kubernetes.io/component": service_name(entry_point)}
    return {"name": service_name(entry_point), "namespace": target.namespace, "labels": labels}


def _service(entry_point: EntryPoint, target: Target) -> Manifest:
    source = entry_point.source
    concurrency = CONCURRENCY if isinstance(source, Route) else _MOST_MESSAGES
    annotations = {"autoscaling.knative.dev/min-scale": "0"}
    if most := _most_requests(entry_point):
        annotations["autoscaling.knative.dev/max-scale"] = str(ceil(most / concurrency))
    secrets = ["FLUXDEN_SECRET_KEY"] if set(UNSEAL) & set(entry_point.grants) else []
    if any(isinstance(each.resource, SocketApi) for each in entry_point.grants):
        secrets.append("FLUXDEN_HOST_SECRET")
    environment = [{"name": each, "valueFrom": {"secretKeyRef": {"name": SECRETS, "key": each}}} for each in secrets]
    container: Manifest = {
        "image": target.image,
        "command": ["python", "-m", "infra.container"],
        "args": ["--host", "0.0.0.0", "--port", str(PORT), "--only", entry_point.name],
        "ports": [{"containerPort": PORT}],
        "envFrom": [{"configMapRef": {"name": SETTINGS}}],
        "readinessProbe": {"httpGet": {"path": HEALTH_PATH, "port": PORT}},
        "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": f"{entry_point.memory}Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    if environment:
        container["env"] = environment
    about = _about(entry_point, target)
    about["labels"] = about["labels"] | {"networking.knative.dev/visibility": "cluster-local"}
    spec = {
        "serviceAccountName": service_name(entry_point),
        "containerConcurrency": concurrency,
        "timeoutSeconds": entry_point.timeout,
        "containers": [container],
    }
    template = {"metadata": {"annotations": annotations}, "spec": spec}
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": about,
        "spec": {"template": template},
    }


def _most_requests(entry_point: EntryPoint) -> int | None:
    """Return how many requests or messages run at the same time at most: the concurrency that AWS reserves."""
    return next((each.default for each in RESERVATIONS if each.reserves_for(entry_point)), None)


def _http_route(entry_point: EntryPoint, route: Route, target: Target) -> Manifest:
    methods = [route.method]
    if route.method == "GET" and route.media_type != EVENT_STREAM:
        methods.append("HEAD")
    if route.cors_config:
        methods.append("OPTIONS")
    matches = [{"path": _path_match(path), "method": method} for path in route.paths for method in methods]
    rewrite = {"type": "URLRewrite", "urlRewrite": {"hostname": service_host(entry_point, target)}}
    rule = {"matches": matches, "filters": [rewrite], "backendRefs": [INGRESS]}
    spec = {"parentRefs": [{"name": target.gateway}], "hostnames": [target.host], "rules": [rule]}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": _about(entry_point, target),
        "spec": spec,
    }


def _path_match(path: str) -> Manifest:
    if "{" not in path:
        return {"type": "Exact", "value": path}
    pieces = _PARAMETER.split(path)
    return {"type": "RegularExpression", "value": "[^/]+".join(map(re.escape, pieces)).replace("\\-", "-")}


def _queue_source(entry_point: EntryPoint, worker: Consumer, target: Target) -> Manifest:
    """Return the source that receives messages and deletes those that the worker has processed."""
    definition = queue_definition(worker)
    queue = {
        "arn": f"arn:aws:sqs:$(AWS_DEFAULT_REGION):$(AWS_ACCOUNT_ID):{worker.queue.physical_name}",
        "region": "$(AWS_DEFAULT_REGION)",
        "visibilityTimeout": definition.visibility_timeout,
        "waitTimeSeconds": 20,
        "maxMessagesPerPoll": worker.batch_size,
        "greedy": True,
        "deleteAfterRead": True,
        "autoCreateQueue": False,
    }
    spec = {"aws": {"sqs": queue, "auth": {"secret": {"ref": {"name": SECRETS}}}}, "sink": _sink(entry_point, target)}
    return {
        "apiVersion": "sources.knative.dev/v1alpha1",
        "kind": "IntegrationSource",
        "metadata": _about(entry_point, target),
        "spec": spec,
    }


def _ping_source(entry_point: EntryPoint, schedule: Schedule, target: Target) -> Manifest:
    about = _about(entry_point, target)
    if schedule.setting:
        about["annotations"] = {"fluxden.dev/only-with": f"{schedule.setting}=1"}
    spec = {
        "schedule": cron(schedule.minutes),
        "timezone": "UTC",
        "contentType": "application/json",
        "data": "{}",
        "sink": _sink(entry_point, target),
    }
    return {"apiVersion": "sources.knative.dev/v1", "kind": "PingSource", "metadata": about, "spec": spec}


def _sink(entry_point: EntryPoint, target: Target) -> Manifest:
    ref = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "name": service_name(entry_point),
        "namespace": target.namespace,
    }
    return {"ref": ref}


def cron(minutes: int) -> str:
    """Return the cron expression of a rate.

    Raises:
        ValueError: cron has none, because the rate divides neither an hour nor a day.
    """
    if minutes < _MINUTES_AN_HOUR and _MINUTES_AN_HOUR % minutes == 0:
        return f"*/{minutes} * * * *"
    hours, rest = divmod(minutes, _MINUTES_AN_HOUR)
    if rest == 0 and _MINUTES_A_DAY % minutes == 0:
        return f"0 */{hours} * * *" if minutes < _MINUTES_A_DAY else "0 0 * * *"
    raise ValueError(f"A rate of {minutes} minutes is no cron expression.")


def _describe_grants(grants: tuple[Grant, ...]) -> list[str]:
    """Return what a function may do, a line for each table, index, queue and other resource."""
    actions: dict[str, set[str]] = defaultdict(set)
    for grant in grants:
        match grant.resource:
            case Table() as table:
                place = f"table {table.physical_name}" + (f", index {grant.index}" if grant.index else "")
            case Queue() as queue:
                place = f"queue {queue.physical_name}"
            case SocketApi():
                place = "connections of the WebSocket gateway"
            case MailService():
                place = "Amazon SES, if mail is sent by it"
            case _:
                place = "the sealing key"
        actions[place].add(grant.action)
    return [f"{place}: {', '.join(sorted(found))}" for place, found in sorted(actions.items())]


_HEAD = f"""\
# Generated by `make knative`. Each operation, worker and schedule is a service that scales to zero.
#
# Before you apply it, create in this namespace:
# - ConfigMap {SETTINGS}: the settings of docs/reference/settings.md and the endpoints of the engines
# - Secret {SECRETS}: FLUXDEN_SECRET_KEY, FLUXDEN_HOST_SECRET (any text, also for the host of the WebSockets), and the
#   credentials of the queues' sources
# - a ServiceAccount for each service, with the rights that the comment above it lists
# - a ReferenceGrant in {INGRESS["namespace"]} that lets HTTPRoutes of this namespace use {INGRESS["name"]}
# In the ConfigMap, FLUXDEN_SOCKET_URL is wss://<host of the sockets>/, and FLUXDEN_SOCKETS_URL is
# http://{SOCKETS}.<namespace>.svc.cluster.local:{MANAGEMENT_PORT}. Only this namespace may reach that port.
# At their start the hosts of the sockets also try the engines, with rows of the tables directory, chat and sockets.
# Services and Pods must reach each other: a push goes to the Pod that holds the socket.
# Replace $(AWS_DEFAULT_REGION) and $(AWS_ACCOUNT_ID) with yours, and set the endpoint of queues that are not on AWS.
"""
