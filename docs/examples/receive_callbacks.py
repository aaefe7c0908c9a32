"""A receiver of callbacks that prints each one and whether its signature is valid. Standard library only.

python docs/examples/receive_callbacks.py whsec_… [port]
"""

import base64
import hashlib
import hmac
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = sys.argv[1]
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 9009  # noqa: PLR2004 - the optional argument


def is_genuine(identifier: str, sent_at: str, signatures: str, body: bytes) -> bool:
    """Whether one of the signatures fits this body and is at most five minutes old (Standard Webhooks)."""
    if abs(time.time() - int(sent_at)) > 300:  # noqa: PLR2004 - seconds
        return False
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{identifier}.{sent_at}.".encode() + body, hashlib.sha256)
    expected = f"v1,{base64.b64encode(digest).decode()}"
    return any(hmac.compare_digest(expected, each) for each in signatures.split(" "))


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        signed = (self.headers.get(f"webhook-{name}", "0") for name in ("id", "timestamp", "signature"))
        genuine = is_genuine(*signed, body)
        self.send_response(204 if genuine else 401)
        self.end_headers()
        verdict = "verified" if genuine else "INVALID SIGNATURE"
        print(verdict, json.dumps(json.loads(body)["data"]) if genuine else "", flush=True)

    def log_message(self, *_: object) -> None:
        """Print nothing else."""


HTTPServer(("127.0.0.1", PORT), Receiver).serve_forever()
