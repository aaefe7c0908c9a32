"""HTTP message signatures between desks (RFC 9421, Ed25519): made for requests sent, verified for requests received.

A signature covers the method, the URL, the digest of the body and the desk it is meant for, and has the time it was
made. The libraries are imported on first use, since they slow a cold start.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from chalicelib.core.domain.requests import RawRequest
from chalicelib.federation.connections.domain.connections import PeerKey, UnknownKey
from chalicelib.federation.connections.domain.handshake import DESTINATION_HEADER

# The largest difference between the clocks of signer and verifier, with the time on the way. Older may be a replay.
VALID_FOR = timedelta(minutes=5)

_COVERED = ("@method", "@target-uri", "content-digest", DESTINATION_HEADER.lower())
_TAG, _LABEL = "fluxden-federation", "fluxden"


@dataclass(frozen=True)
class SigningKey:
    """A desk's own key pair, each part 32 bytes in base64."""

    key_id: str
    public_key: str
    private_key: str = field(repr=False)

    @classmethod
    def new(cls, key_id: str) -> Self:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        made = Ed25519PrivateKey.generate()
        return cls(key_id, _text(made.public_key().public_bytes_raw()), _text(made.private_bytes_raw()))

    @property
    def public(self) -> PeerKey:
        return PeerKey(self.key_id, self.public_key)


@dataclass
class _Message:
    """A request, in the form that the library needs."""

    method: str
    url: str
    headers: dict[str, str]


def signature_headers(
    method: str, url: str, body: bytes, *, destination: str, key: SigningKey, at: datetime
) -> Mapping[str, str]:
    """Return the headers that sign a request to `url`, of the desk with the base URL `destination`."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from http_message_signatures import HTTPMessageSigner, MappingKeyResolver, algorithms

    private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(key.private_key))
    resolver = MappingKeyResolver(public_keys={}, private_keys={key.key_id: private})
    message = _Message(method, url, {DESTINATION_HEADER: destination})
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=resolver)
    signer.sign(
        message,
        key_id=key.key_id,
        created=at.astimezone(UTC).replace(microsecond=0),
        label=_LABEL,
        tag=_TAG,
        covered_component_ids=_COVERED,
        body=body,
    )
    return message.headers


def refuse_signature(
    sent: RawRequest, *, base_url: str, keys: Sequence[PeerKey], checked_body: bool = False
) -> str | None:
    """Return why a request to this desk at `base_url` is not properly signed by one of the keys; None if it is.

    With `checked_body` the body was compared with its Content-Digest before, and is not looked at.

    Raises:
        UnknownKey: it names another key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from http_message_signatures import (
        HTTPMessageSignaturesException,
        HTTPMessageVerifier,
        MappingKeyResolver,
        algorithms,
    )

    class Verifier(HTTPMessageVerifier):
        # The library uses the machine's clock. The time of the call is checked below.
        max_clock_skew = timedelta(days=36_500)

    class Resolver(MappingKeyResolver):
        unknown = False

        def resolve_public_key(self, key_id: str) -> Any:
            found = super().resolve_public_key(key_id)
            self.unknown = found is None
            return found

    if "signature-input" not in sent.headers:
        return "it is not signed"
    public = {each.key_id: Ed25519PublicKey.from_public_bytes(base64.b64decode(each.public_key)) for each in keys}
    resolver = Resolver(public_keys=public, private_keys={})
    message = _Message(sent.method, f"{base_url}{sent.path}", dict(sent.headers))
    verifier = Verifier(signature_algorithm=algorithms.ED25519, key_resolver=resolver)
    try:
        body = None if checked_body else sent.body
        (result,) = verifier.verify(message, max_age=None, expect_tag=_TAG, require_components=_COVERED, body=body)
    except (HTTPMessageSignaturesException, ValueError) as error:
        if resolver.unknown:
            raise UnknownKey from error
        return "the signature is not valid"
    if sent.headers[DESTINATION_HEADER.lower()].rstrip("/") != base_url:
        return "it is meant for another desk"
    return _refuse_time(result.parameters, sent.now)


def _refuse_time(parameters: Mapping[str, Any], now: datetime) -> str | None:
    second = int(now.timestamp())
    if abs(second - parameters["created"]) > VALID_FOR.total_seconds():
        return "the signature was not made within the last five minutes"
    if parameters.get("expires", second) < second:
        return "the signature has expired"
    return None


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
