"""Another desk that sends requests to the desk under test."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from chalicelib.federation.connections.domain.federation_settings import FederationMode, FederationSettings, Unverified
from chalicelib.federation.connections.signatures import SigningKey, signature_headers
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation

CONNECTIONS, RELAY, ACK = "/api/v2/connections", "/api/v2/relay", "/api/federation/relay-ack"
BASE_URL = "http://desk.test"
TOKEN = "t" * 40


def allow_federation(
    mode: str = "open", *, inbound: bool = True, approval: bool = False, unverified: str = "accept"
) -> None:
    """Set what other desks can do here. By default claims are trusted, so that a plain peer is connected at once."""
    settings = FederationSettings(FederationMode(mode), inbound, approval, Unverified(unverified))
    DynamoFederation().save_settings(settings)


def connection_request(**overrides: Any) -> dict[str, Any]:
    """Return Sam's request for a connection with Alice. An override of None removes the field."""
    made = {
        "fromInstanceUrl": "https://other.example.org",
        "fromUserEmail": "sam@other.example.org",
        "toUserEmail": "alice@example.com",
        "federationToken": TOKEN,
    } | overrides
    return {name: value for name, value in made.items() if value is not None}


def sign_body(body: Any, token: str) -> tuple[bytes, dict[str, str]]:
    """Return the body's bytes, and the headers of a peer that signs its requests."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    digest = hmac.new(token.encode(), raw, hashlib.sha256).hexdigest()
    return raw, {"X-Federation-Token": token, "X-Federation-HMAC": digest}


def sign_request(
    body: dict[str, Any], key: SigningKey, path: str = CONNECTIONS, *, base_url: str = BASE_URL
) -> tuple[bytes, dict[str, str]]:
    """Return the bytes of a connection request, and the headers of a desk that signs it."""
    raw = json.dumps(body).encode()
    url, now = f"{base_url}{path}", datetime.now(UTC)
    return raw, dict(signature_headers("POST", url, raw, destination=base_url, key=key, at=now))
