"""What a cluster does with the objects of `make knative`: check them, route requests, and deliver events."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from chalicelib.aws import sqs
from chalicelib.resources import Queue
from tests.support.started_desk import HOST

_SCHEMAS = json.loads((Path(__file__).parents[1] / "data" / "knative_schemas.json").read_text(encoding="utf-8"))
Manifest = dict[str, Any]


# A thousand objects take a second with the loader that is not of C.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(text: str) -> list[Manifest]:
    return [each for each in yaml.load_all(text, Loader=_Loader) if each]


def schema_errors(manifest: Manifest) -> list[str]:
    """Compare an object with the published schema of its kind; unknown members are errors, too."""
    found = _SCHEMAS[f"{manifest['apiVersion']} {manifest['kind']}"]
    # Every object has these, so some schemas leave them out.
    content = {name: value for name, value in manifest.items() if name not in ("apiVersion", "kind", "metadata")}
    return [
        f"{each.json_path}: {each.message}"
        for each in Draft202012Validator(_strict(found["schema"])).iter_errors(content)
    ]


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _strict(each) for name, each in schema.items()}
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not is_open:
        made["additionalProperties"] = False
    return made


def find_backend(routes: list[Manifest], method: str, path: str) -> str | None:
    """Return the host name that a request is sent on with: an exact path wins over an expression."""
    for kind in ("Exact", "RegularExpression"):
        for route in routes:
            for rule in route["spec"]["rules"]:
                # The WebSockets have a host name of their own.
                if "filters" in rule and any(_fits(match, kind, method, path) for match in rule["matches"]):
                    return str(rule["filters"][0]["urlRewrite"]["hostname"])
    return None


def _fits(match: Manifest, kind: str, method: str, path: str) -> bool:
    if match["method"] != method or match["path"]["type"] != kind:
        return False
    value = match["path"]["value"]
    return bool(path == value if kind == "Exact" else re.fullmatch(value, path))


@contextmanager
def start_router(manifests: list[Manifest], ports: dict[str, int]) -> Iterator[int]:
    """Route requests as the HTTPRoutes say to the services' processes, by host name and port; its own port."""
    routes = [each for each in manifests if each["kind"] == "HTTPRoute"]

    class Router(BaseHTTPRequestHandler):
        def _forward(self) -> None:
            host = find_backend(routes, self.command, self.path.partition("?")[0])
            if host not in ports:
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            connection = HTTPConnection(HOST, ports[host], timeout=30)
            connection.request(self.command, self.path, body or None, dict(self.headers) | {"Host": host})
            response = connection.getresponse()
            content = response.read()
            self.send_response(response.status)
            for name, value in response.getheaders():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            connection.close()

        do_GET = do_POST = do_PATCH = do_DELETE = _forward  # noqa: N815 - http.server

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer((HOST, 0), Router)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def deliver_messages(source: Manifest, queue: Queue, port: Callable[[str], int]) -> list[int]:
    """Receive the messages of a queue once, and deliver each as a CloudEvent, as an IntegrationSource does.

    Messages that the sink accepts are deleted. Returns the statuses.
    """
    about = source["spec"]["aws"]["sqs"]
    assert about["arn"].endswith(f":{queue.physical_name}")
    url = sqs().get_queue_url(QueueName=queue.physical_name)["QueueUrl"]
    received = sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=about["maxMessagesPerPoll"])
    statuses = []
    for message in received.get("Messages", []):
        status = deliver(source, message["MessageId"], message["Body"], port)
        statuses.append(status)
        if status < 300:
            sqs().delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return statuses


def deliver(source: Manifest, event_id: str, data: str, port: Callable[[str], int]) -> int:
    """Send a CloudEvent to a source's sink, in binary mode, and return the status."""
    headers = {
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-type": "dev.knative.connector.event.aws.sqs",
        "ce-source": source["metadata"]["name"],
        "Content-Type": "application/json",
    }
    connection = HTTPConnection(HOST, port(source["spec"]["sink"]["ref"]["name"]), timeout=30)
    connection.request("POST", "/", data.encode(), headers)
    status = connection.getresponse().status
    connection.close()
    return status
