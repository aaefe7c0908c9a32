"""A provider of identities on loopback, which lies as a test wants it to."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "fluxden", "a secret of this desk & 100 % odd"


class IdentityProvider:
    """Answers every code with an ID token of `claims`, signed with `key`.

    `requests` are the forms that the token endpoint received, with the `Authorization` header. `change` replaces an
    answer: it gets the path and the answer, and returns status and body.
    """

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.key = self.signing_key = new_key("first")
        self.claims: dict[str, Any] = {}
        self.user_info: dict[str, Any] = {}
        self.requests: list[dict[str, str]] = []
        self.reads: list[str] = []
        self.discovery: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?tenant=1",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/user-info",
        }
        self.change: Callable[[str, Any], tuple[int, Any]] = lambda _, answer: (200, answer)

    def token(self) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.signing_key.kid}, self.claims, self.signing_key)

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        if path == "/.well-known/openid-configuration":
            return self.change(path, self.discovery)
        if path == "/keys":
            return self.change(path, {"keys": [self.key.as_dict(private=False)]})
        if path == "/user-info":
            return self.change(path, self.user_info if form["authorization"] == "Bearer x" else {})
        self.requests.append(form)
        return self.change(path, {"id_token": self.token(), "access_token": "x", "token_type": "Bearer"})


def new_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


@contextmanager
def run_identity_provider() -> Iterator[IdentityProvider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.reads.append(self.path)
            self._answer({"authorization": self.headers.get("Authorization", "")})

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(text).items()}
            self._answer(form | {"authorization": self.headers.get("Authorization", "")})

        def _answer(self, form: dict[str, str]) -> None:
            status, answer = provider.answer(self.path, form)
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = IdentityProvider(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
