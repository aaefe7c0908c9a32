"""The hosts that hold WebSockets, as a Deployment: a socket outlives the requests of a service that scales to zero.

Each Pod tells its own address, since a push goes to the host that holds the socket.
"""

from typing import Any

from chalice.app import Chalice

from chalicelib.resources import UNSEAL, Grant
from infra import catalog
from infra.container.only import HEALTH_PATH

Manifest = dict[str, Any]

NAME = "sockets"
PORT, MANAGEMENT_PORT = 8001, 8002
_REPLICAS = 2
_MEMORY = "512Mi"
# The host drains for 25 seconds.
_GRACE_SECONDS = 30


def socket_grants(app: Chalice) -> tuple[Grant, ...]:
    """Return what the routes of the WebSocket gateway may do, each once."""
    routes: list[Any] = [route for _, route in catalog.sockets(app)]
    return tuple(dict.fromkeys(grant for each in routes for grant in each.grants))


def socket_manifests(
    app: Chalice, *, image: str, host: str, namespace: str, gateway: str, settings: str, secrets: str
) -> list[Manifest]:
    """Return the Deployment of the hosts, the Service of their ports, and the route of the sockets' own host name."""
    labels = {"app.kubernetes.io/part-of": "fluxden", "app.kubernetes.io/component": NAME}
    about = {"name": NAME, "namespace": namespace, "labels": labels}
    selector = {"app.kubernetes.io/component": NAME}
    names = ["FLUXDEN_HOST_SECRET", *(["FLUXDEN_SECRET_KEY"] if set(UNSEAL) & set(socket_grants(app)) else [])]
    given = [{"name": each, "valueFrom": {"secretKeyRef": {"name": secrets, "key": each}}} for each in names]
    container = {
        "name": NAME,
        "image": image,
        "command": ["python", "-m", "infra.container"],
        "args": [
            *("--serve", "sockets", "--host", "0.0.0.0", "--ws-port", str(PORT)),
            *("--management-host", "0.0.0.0", "--management-port", str(MANAGEMENT_PORT)),
            *("--management-url", f"http://$(POD_IP):{MANAGEMENT_PORT}", "--no-create"),
        ],
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}, *given],
        "envFrom": [{"configMapRef": {"name": settings}}],
        "ports": [{"name": NAME, "containerPort": PORT}, {"name": "management", "containerPort": MANAGEMENT_PORT}],
        "readinessProbe": {"httpGet": {"path": HEALTH_PATH, "port": MANAGEMENT_PORT}},
        "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": _MEMORY}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    pod = {
        "serviceAccountName": NAME,
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "containers": [container],
    }
    template = {"metadata": {"labels": labels}, "spec": pod}
    rule = {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [{"name": NAME, "port": PORT}]}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": about,
            "spec": {"replicas": _REPLICAS, "selector": {"matchLabels": selector}, "template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": about,
            "spec": {
                "selector": selector,
                "ports": [
                    {"name": NAME, "port": PORT, "targetPort": PORT},
                    {"name": "management", "port": MANAGEMENT_PORT, "targetPort": MANAGEMENT_PORT},
                ],
            },
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": about,
            "spec": {"parentRefs": [{"name": gateway}], "hostnames": [host], "rules": [rule]},
        },
    ]
