"""Run the protocol's conformance suite against a started desk: `python -m tests.mcp_conformance` (needs npx).

Only scenarios that need nothing but tools apply. The runner can't send a token, so a proxy in front of the desk adds
one to each request.
"""

import http.client
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.started_desk import HOST, StartedDesk, free_ports, start_desk

RUNNER = ("npx", "--yes", "--package=node@22", "--package=@modelcontextprotocol/conformance@0.1.16", "--")
SCENARIOS = ("server-initialize", "ping", "tools-list", "dns-rebinding-protection")


def main() -> int:
    """Run the scenarios, and return how many failed."""
    port, _ = free_ports()
    base = f"http://{HOST}:{port}"
    with (
        tempfile.TemporaryDirectory() as folder,
        start_desk(Path(folder) / "desk", FLUXDEN_BASE_URL=base) as system,
        ThreadingHTTPServer((HOST, port), _proxy(system)) as proxy,
    ):
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        failed = [each for each in SCENARIOS if not _passes(each, f"{base}/mcp", folder)]
        proxy.shutdown()
    print(f"{len(SCENARIOS) - len(failed)} of {len(SCENARIOS)} scenarios passed", *failed)
    return len(failed)


def _passes(scenario: str, url: str, folder: str) -> bool:
    # Runs the conformance script with the node of this package, not with the first one on the path.
    command = 'exec node "$(command -v conformance)" server --url "$0" --scenario "$1" --output-dir "$2"'
    run = [*RUNNER, "sh", "-c", command, url, scenario, folder]
    return subprocess.run(run, check=False).returncode == 0


def _proxy(system: StartedDesk) -> type[BaseHTTPRequestHandler]:
    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            connection = http.client.HTTPConnection(HOST, system.port, timeout=10)
            try:
                connection.request(
                    self.command, self.path, body, headers | {"Authorization": f"Bearer {system.alice_key}"}
                )
                response = connection.getresponse()
                text = response.read()
            finally:
                connection.close()
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in ("date", "server", "connection", "content-length"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_DELETE = do_POST  # noqa: N815 - http.server

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    return Proxy


if __name__ == "__main__":
    sys.exit(main())
