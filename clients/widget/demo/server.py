"""The server of a company's page with the inbox widget: `python clients/widget/demo/server.py`.

It stands for the intranet, which knows who is signed in. It adds that person's key, an API key with the permission
`inbox` only, to the few requests that the widget needs, and passes them on to the desk. The browser gets no key, and
the desk needs to allow no other site. FLUXDEN_URL is the desk, FLUXDEN_KEY the key of the one person of this demo, and
PORT the port.
"""

import os
import re
import urllib.error
import urllib.request
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

DEMO = Path(__file__).parent
FILES = {
    "/": (DEMO / "index.html", "text/html; charset=utf-8"),
    "/page.css": (DEMO / "page.css", "text/css; charset=utf-8"),
    "/fluxden-inbox.js": (DEMO.parent / "dist" / "fluxden-inbox.js", "text/javascript; charset=utf-8"),
}
# All that the widget needs: scripts and connections of its own server. It has no inline styles and evaluates nothing.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'"
)
PASSED_ON = (
    ("GET", re.compile(r"/api/v1/inbox(/summary|/[0-9a-f-]{36})?")),
    ("PATCH", re.compile(r"/api/v1/inbox/[0-9a-f-]{36}")),
)
TO_DESK = ("Accept", "Content-Type", "Idempotency-Key")
TO_BROWSER = ("Content-Type", "Retry-After", "X-Request-Id", "X-RateLimit-Remaining", "X-RateLimit-Reset")
MOST_BYTES = 4096


class Handler(BaseHTTPRequestHandler):
    """Serves the page, and passes requests of the widget on."""

    def do_GET(self) -> None:
        file, kind = FILES.get(urlsplit(self.path).path, (None, ""))
        if file is None:
            self._pass_on()
            return
        content = file.read_bytes()
        self.send_response(200)
        self._send_headers({"Content-Type": kind, "Content-Length": str(len(content))})
        self.wfile.write(content)

    def do_PATCH(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        path = self.path.removeprefix("/fluxden")
        is_known = any(
            method == self.command and pattern.fullmatch(urlsplit(path).path) for method, pattern in PASSED_ON
        )
        # A page of another site can't use the person's session with this server.
        if path == self.path or not is_known or self.headers.get("Sec-Fetch-Site") != "same-origin":
            self.send_error(404)
            return
        body = self.rfile.read(min(MOST_BYTES, int(self.headers.get("Content-Length") or 0)))
        headers = {name: self.headers[name] for name in TO_DESK if name in self.headers}
        headers["Authorization"] = f"Bearer {os.environ['FLUXDEN_KEY']}"
        url = os.environ["FLUXDEN_URL"].rstrip("/") + path
        request = urllib.request.Request(url, body or None, headers, method=self.command)  # noqa: S310  the desk's URL
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
                self._answer(reply)
        except urllib.error.HTTPError as refusal:
            with refusal:
                self._answer(refusal)
        except OSError:
            self.send_error(502)

    def _answer(self, reply: HTTPResponse | urllib.error.HTTPError) -> None:
        self.send_response(reply.status or 502)
        self._send_headers({name: reply.headers[name] for name in TO_BROWSER if name in reply.headers})
        self.wfile.write(reply.read())

    def _send_headers(self, headers: dict[str, str]) -> None:
        fixed = {"Cache-Control": "no-store", "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
        for name, value in (fixed | headers).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: paths have ids of notifications."""


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8010"))), Handler) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}/", flush=True)
        server.serve_forever()
