"""An authenticator in software: it makes passkeys and signs with them, as Web Authentication (6.1, 6.5) says."""

import base64
import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
CAN_BE_BACKED_UP, BACKED_UP = 0x08, 0x10


@dataclass
class SoftPasskey:
    """A passkey with its private key. Its `count` goes up with each use, unless it is None."""

    user_handle: bytes
    count: int | None = 0
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def id(self) -> str:
        return encode(self.credential_id)

    @property
    def passkey_id(self) -> str:
        """The id by which the desk shows it."""
        return hashlib.sha256(self.credential_id).hexdigest()

    def public_key(self) -> bytes:
        numbers = self.private.public_key().public_numbers()
        x, y = (each.to_bytes(32) for each in (numbers.x, numbers.y))
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})


@dataclass(frozen=True)
class Page:
    """The page that asks: what the browser writes into the client data, and the relying party that it names."""

    origin: str
    rp_id: str
    cross_origin: bool = False


def create(options: dict[str, Any], page: Page, **more: Any) -> tuple[SoftPasskey, dict[str, Any]]:
    """Make a passkey, as `navigator.credentials.create` and `toJSON` do."""
    passkey = more.pop("passkey", None) or SoftPasskey(decode(options["user"]["id"]), count=more.pop("count", 0))
    flags = more.pop("flags", PRESENT | VERIFIED) | ATTESTED
    length = len(passkey.credential_id).to_bytes(2)
    attested = bytes(16) + length + passkey.credential_id + passkey.public_key()
    data = _authenticator_data(page, flags, passkey.count or 0) + attested
    attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
    response = {
        "clientDataJSON": encode(_client_data("webauthn.create", options["challenge"], page)),
        "attestationObject": encode(attestation),
        "transports": ["internal", "hybrid"],
        "publicKeyAlgorithm": -7,
    }
    return passkey, _credential(passkey, response)


def get(options: dict[str, Any], page: Page, passkey: SoftPasskey, **more: Any) -> dict[str, Any]:
    """Sign with a passkey, as `navigator.credentials.get` and `toJSON` do."""
    if passkey.count is not None:
        passkey.count += 1
    data = _authenticator_data(page, more.pop("flags", PRESENT | VERIFIED), passkey.count or 0)
    client = _client_data(more.pop("kind", "webauthn.get"), options["challenge"], page)
    signature = passkey.private.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
    response = {
        "clientDataJSON": encode(client),
        "authenticatorData": encode(data),
        "signature": encode(signature),
        "userHandle": encode(passkey.user_handle),
    }
    return _credential(passkey, response)


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _credential(passkey: SoftPasskey, response: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": passkey.id,
        "rawId": passkey.id,
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "clientExtensionResults": {},
        "response": response,
    }


def _authenticator_data(page: Page, flags: int, count: int) -> bytes:
    return hashlib.sha256(page.rp_id.encode()).digest() + bytes([flags]) + count.to_bytes(4)


def _client_data(kind: str, challenge: str, page: Page) -> bytes:
    stated = {"type": kind, "challenge": challenge, "origin": page.origin, "crossOrigin": page.cross_origin}
    return json.dumps(stated).encode()
