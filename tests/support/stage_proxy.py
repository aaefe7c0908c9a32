"""Serve the operations over HTTP as API Gateway does, below a stage or a path of a custom domain."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from chalice.local import LambdaContext

from tests.support.api import SERVED, gateway_event

HOST = "127.0.0.1"


@contextmanager
def serve_stage(mount: str) -> Iterator[str]:
    """Serve the operations below `mount`, such as `/desk`, and return the origin.

    API Gateway hands a function the path without the mount; only the request context has the whole of it.
    """

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def _serve(self) -> None:
            path, mark, query = self.path.partition("?")
            inside = path == mount or path.startswith(f"{mount}/")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode() or None
            try:
                inner = path.removeprefix(mount) or "/"
                event = gateway_event(self.command, f"{inner}{mark}{query}", dict(self.headers), body)
                route = SERVED[self.command, event["resource"]] if inside else None
            except (KeyError, ValueError):
                route = None
            if route is None:
                self._reply(403, {"Content-Type": "application/json"}, '{"message":"Missing Authentication Token"}')
                return
            event["requestContext"]["path"] = path
            response = route(event, LambdaContext(route.__name__, 256))
            self._reply(response["statusCode"], response["headers"], response["body"])

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - names of the library

        def _reply(self, status: int, headers: dict[str, str], text: str) -> None:
            content = text.encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
